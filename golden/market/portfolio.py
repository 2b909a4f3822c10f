"""Portfolios of six symbols: exact where that can be had, else by SciPy and scikit-learn.

With few symbols the best long-only weights can be found by trying every set of symbols that are held:
on each the program has equalities only, which NumPy solves, and one set meets all conditions.
"""

from itertools import combinations

import numpy as np
from scipy import optimize
from sklearn.covariance import ledoit_wolf

SEED = 20_261_102
SYMBOLS = 6
BARS = 400


def closes():
    rng = np.random.default_rng(SEED)
    common = rng.standard_t(5, BARS - 1) * 0.006
    out = []
    for symbol in range(SYMBOLS):
        own = rng.standard_t(4, BARS - 1) * (0.004 + 0.002 * symbol)
        moves = 0.0002 + 0.0002 * symbol + (0.4 + 0.2 * symbol) * common + own
        out.append(np.round(100 * np.cumprod(np.concatenate([[1.0], 1 + moves])), 4))
    return np.array(out)


def supports():
    for size in range(1, SYMBOLS + 1):
        yield from (list(s) for s in combinations(range(SYMBOLS), size))


def min_variance(covariance):
    for held in supports():
        weights = np.zeros(SYMBOLS)
        weights[held] = np.linalg.solve(covariance[np.ix_(held, held)], np.ones(len(held)))
        weights /= weights.sum()
        gradient = covariance @ weights
        level = gradient[held[0]]
        if weights.min() >= 0 and (gradient >= level - 1e-15).all():
            return weights
    raise AssertionError("no set of symbols is optimal")


def max_sharpe(covariance, mean):
    best, weights_best = -np.inf, None
    for held in supports():
        weights = np.zeros(SYMBOLS)
        weights[held] = np.linalg.solve(covariance[np.ix_(held, held)], mean[held])
        if weights.min() < 0 or weights.sum() <= 0:
            continue
        weights /= weights.sum()
        ratio = weights @ mean / np.sqrt(weights @ covariance @ weights)
        if ratio > best:
            best, weights_best = ratio, weights
    return weights_best


def target(covariance, mean, level):
    """Two equalities, weights of any sign: the conditions are one linear system."""
    system = np.zeros((SYMBOLS + 2, SYMBOLS + 2))
    system[:SYMBOLS, :SYMBOLS] = covariance
    system[:SYMBOLS, SYMBOLS] = system[SYMBOLS, :SYMBOLS] = 1
    system[:SYMBOLS, SYMBOLS + 1] = system[SYMBOLS + 1, :SYMBOLS] = mean
    return np.linalg.solve(system, np.concatenate([np.zeros(SYMBOLS), [1, level]]))[:SYMBOLS]


def risk_parity(covariance):
    function = lambda y: np.exp(y) * (covariance @ np.exp(y)) / covariance.trace() - 1
    start = -np.log(np.sqrt(np.diag(covariance) / covariance.trace()))
    found = optimize.root(function, start, tol=1e-15, options={"maxfev": 10_000})
    weights = np.exp(found.x)
    return weights / weights.sum()


def min_cvar(returns, confidence):
    rows = returns.shape[1]
    costs = np.concatenate([np.zeros(SYMBOLS), [1], np.full(rows, 1 / ((1 - confidence) * rows))])
    excess = np.hstack([-returns.T, -np.ones((rows, 1)), -np.eye(rows)])
    total = np.concatenate([np.ones(SYMBOLS), np.zeros(rows + 1)])[None, :]
    bounds = [(0, 1)] * SYMBOLS + [(None, None)] + [(0, None)] * rows
    found = optimize.linprog(costs, excess, np.zeros(rows), total, [1], bounds, method="highs-ds")
    return found.x[:SYMBOLS], found.fun


def exponential(returns, decay):
    covariance = np.outer(returns[:, 0], returns[:, 0])
    for r in returns.T[1:]:
        covariance = decay * covariance + (1 - decay) * np.outer(r, r)
    return covariance


def make():
    close = closes()
    returns = close[:, 1:] / close[:, :-1] - 1
    mean, covariance = returns.mean(axis=1), np.cov(returns)
    shrunk, _ = ledoit_wolf(returns.T)
    level = 0.7 * mean.max()
    cvar = {str(c): min_cvar(returns, c) for c in (0.8, 0.95, 0.99)}
    return {
        "close": close.tolist(),
        "covariances": {
            "sample": covariance.tolist(),
            "ewma": exponential(returns, 0.94).tolist(),
            "ledoit-wolf": shrunk.tolist(),
        },
        "min_variance": {
            "sample": min_variance(covariance).tolist(),
            "ewma": min_variance(exponential(returns, 0.94)).tolist(),
            "ledoit-wolf": min_variance(shrunk).tolist(),
        },
        "max_sharpe": max_sharpe(covariance, mean - 0.02 / 252).tolist(),
        "target_per_year": level * 252,
        "target": target(covariance, mean, level).tolist(),
        "risk_parity": risk_parity(covariance).tolist(),
        "min_cvar": {c: {"weights": w.tolist(), "value": v} for c, (w, v) in cvar.items()},
    }
