"""Risk of three symbols and of their equal-weight portfolio, by NumPy and SciPy.

CVaR of Cornish and Fisher's distribution is integrated numerically here, where the library has the
closed form.
"""

import numpy as np
from scipy import integrate, stats

SEED = 20_260_904
BARS = 300


def cornish_fisher(z, s, k):
    return z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36


def tails(r, confidence):
    tail = 1 - confidence
    quantile = np.quantile(r, tail)
    mean, sd = r.mean(), r.std(ddof=1)
    s, k = stats.skew(r), stats.kurtosis(r)
    z = stats.norm.ppf(tail)
    corrected = lambda p: cornish_fisher(stats.norm.ppf(p), s, k)
    integral = integrate.quad(corrected, 0, tail, epsabs=1e-14, epsrel=1e-12, limit=500)[0]
    return {
        "historical": [-quantile, -r[r <= quantile].mean()],
        "parametric": [-stats.norm.ppf(tail, mean, sd), -(mean - sd * stats.norm.pdf(z) / tail)],
        "cornish-fisher": [-(mean + sd * corrected(tail)), -(mean + sd * integral / tail)],
    }


def figures(r, benchmark, risk_free):
    rate = risk_free / 252
    value = np.concatenate([[1.0], np.cumprod(1 + r)])
    fall = 1 - value / np.maximum.accumulate(value)
    downside = np.sqrt(np.sum(np.minimum(r - rate, 0) ** 2) / (len(r) - 1))
    variance = r[0] ** 2
    for x in r[1:]:
        variance = 0.94 * variance + 0.06 * x**2
    trough = int(fall.argmax())
    return {
        "mean": r.mean(),
        "volatility": r.std(ddof=1),
        "ewma_volatility": np.sqrt(variance),
        "sharpe": (r.mean() - rate) / r.std(ddof=1) * np.sqrt(252),
        "sortino": (r.mean() - rate) / downside * np.sqrt(252),
        "calmar": (value[-1] ** (252 / len(r)) - 1) / fall.max(),
        "max_drawdown": fall.max(),
        "peak": int(value[: trough + 1].argmax()),
        "trough": trough,
        "beta": np.cov(r, benchmark)[0, 1] / benchmark.var(ddof=1),
        "correlation": np.corrcoef(r, benchmark)[0, 1],
        "tails": {str(c): tails(r, c) for c in (0.9, 0.95, 0.99)},
    }


def make():
    rng = np.random.default_rng(SEED)
    common = rng.standard_t(4, BARS - 1) * 0.006
    closes = []
    for scale, drift in [(0.008, 0.0006), (0.015, -0.0002), (0.004, 0.0003)]:
        moves = common + drift + scale * rng.standard_t(5, BARS - 1)
        closes.append(np.round(100 * np.cumprod(np.concatenate([[1.0], 1 + moves])), 4))
    returns = [c[1:] / c[:-1] - 1 for c in closes]
    portfolio = np.mean(returns, axis=0)
    risk_free = 0.03
    return {
        "risk_free": risk_free,
        "close": [c.tolist() for c in closes],
        "risk": [figures(r, portfolio, risk_free) for r in [*returns, portfolio]],
    }
