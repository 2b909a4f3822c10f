"""The peers' side of `cargo xtask bench market`.

    python benches/market/worker.py

Writes {"cases": [...]} when it is ready, then answers each line `run CASE` with {"ns": ...}: the
nanoseconds per unit (a bar, an option, a step of a path) of the fastest repetition in a fifth of a
second, on one thread. Memory that was given back is kept by the process, so that no repetition pays for
fresh pages.
"""

import json
import os
import sys
import time

SECONDS = 0.2
BARS = 1_000_000
SYMBOLS = 400
OPTIONS = 100_000
PATHS, STEPS = 20_000, 252

if os.environ.get("MALLOC_TRIM_THRESHOLD_") is None:
    keep = str(1 << 30)
    libraries = ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON")
    one = {f"{library}_NUM_THREADS": "1" for library in libraries}
    environment = os.environ | one | {"MALLOC_TRIM_THRESHOLD_": keep, "MALLOC_MMAP_THRESHOLD_": keep}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)

import empyrical  # noqa: E402
import numba  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import QuantLib as ql  # noqa: E402
import talib  # noqa: E402
import vector_ta  # noqa: E402
from scipy.signal import lfilter  # noqa: E402
from scipy.special import ndtr  # noqa: E402

TODAY = ql.Date(1, 1, 2024)
DAYS = ql.Actual365Fixed()


def indicators():
    rng = np.random.default_rng(20_260_902)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, BARS)))
    high, low = close * 1.01, close * 0.99
    series = pd.Series(close)

    def pandas_zscore():
        rolling = series.rolling(20)
        return (series - rolling.mean()) / rolling.std(ddof=0)

    runs = {
        "sma_20 talib": lambda: talib.SMA(close, 20),
        "ema_20 talib": lambda: talib.EMA(close, 20),
        "wma_20 talib": lambda: talib.WMA(close, 20),
        "rsi_14 talib": lambda: talib.RSI(close, 14),
        "bbands_20_2 talib": lambda: talib.BBANDS(close, 20, 2.0, 2.0),
        "macd_12_26_9 talib": lambda: talib.MACD(close, 12, 26, 9),
        "atr_14 talib": lambda: talib.ATR(high, low, close, 14),
        "max_20 talib": lambda: talib.MAX(close, 20),
        "std_20 talib": lambda: talib.STDDEV(close, 20, 1.0),
        "sma_20 vector-ta": lambda: vector_ta.sma(close, 20),
        "ema_20 vector-ta": lambda: vector_ta.ema(close, 20),
        "wma_20 vector-ta": lambda: vector_ta.wma(close, 20),
        "rsi_14 vector-ta": lambda: vector_ta.rsi(close, 14),
        "bbands_20_2 vector-ta": lambda: vector_ta.bollinger_bands(close, 20, 2.0, 2.0),
        "macd_12_26_9 vector-ta": lambda: vector_ta.macd(close, 12, 26, 9, "ema"),
        "atr_14 vector-ta": lambda: vector_ta.atr(high, low, close, 14),
        "std_20 vector-ta": lambda: vector_ta.stddev(close, 20, 1.0),
        "zscore_20 vector-ta": lambda: vector_ta.zscore(close, 20),
        "zscore_20 pandas": pandas_zscore,
        "sma_20 pandas": lambda: series.rolling(20).mean(),
        "ema_20 pandas": lambda: series.ewm(span=20, adjust=False).mean(),
    }
    return {name: (BARS, run) for name, run in runs.items()}


def european(spot, strike, rate, dividend, vol, expiry, greeks):
    """Calls by NumPy and SciPy, in one pass over whole columns."""
    root = np.sqrt(expiry)
    deviation = vol * root
    spot_now, strike_now = spot * np.exp(-dividend * expiry), strike * np.exp(-rate * expiry)
    d1 = np.log(spot_now / strike_now) / deviation + 0.5 * deviation
    n1, n2 = ndtr(d1), ndtr(d1 - deviation)
    price = spot_now * n1 - strike_now * n2
    if not greeks:
        return price
    weighted = spot_now * np.exp(-0.5 * d1 * d1) / np.sqrt(2 * np.pi)
    theta = dividend * spot_now * n1 - rate * strike_now * n2 - weighted * vol / (2 * root)
    delta, gamma = spot_now / spot * n1, weighted / (spot * spot * deviation)
    return price, delta, gamma, weighted * root, theta, expiry * strike_now * n2


def implied(price, forward, strike, root, discount):
    """One Newton iteration after the other over whole columns, until all are there."""
    vol = np.full_like(price, 0.3)
    for _ in range(50):
        deviation = vol * root
        d1 = np.log(forward / strike) / deviation + 0.5 * deviation
        value = discount * (forward * ndtr(d1) - strike * ndtr(d1 - deviation))
        vega = discount * forward * root * np.exp(-0.5 * d1 * d1) / np.sqrt(2 * np.pi)
        step = (value - price) / vega
        vol = np.clip(vol - step, 1e-3, 5.0)
        if np.abs(step).max() < 1e-14:
            break
    return vol


def process(spot, rate, dividend, vol):
    flat = lambda r: ql.YieldTermStructureHandle(ql.FlatForward(TODAY, r, DAYS, ql.Continuous))
    surface = ql.BlackVolTermStructureHandle(
        ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, DAYS)
    )
    return ql.BlackScholesMertonProcess(ql.QuoteHandle(spot), flat(dividend), flat(rate), surface)


def quantlib(exercise, engine, kind=ql.VanillaOption, *terms):
    """One option, priced again and again as its underlying moves."""
    ql.Settings.instance().evaluationDate = TODAY
    spot = ql.SimpleQuote(100.0)
    option = kind(*terms, ql.PlainVanillaPayoff(ql.Option.Put, 105.0), exercise)
    option.setPricingEngine(engine(process(spot, 0.05, 0.02, 0.25)))
    count = 64

    def run():
        for i in range(count):
            spot.setValue(95.0 + 0.1 * i)
            option.NPV()

    return count, run


def options():
    rng = np.random.default_rng(7)
    uniform = lambda low, high: rng.uniform(low, high, OPTIONS)
    spot, strike = uniform(80, 120), uniform(80, 120)
    rate, dividend = uniform(0, 0.1), uniform(0, 0.05)
    vol, expiry = uniform(0.1, 0.6), uniform(0.25, 2)
    terms = (spot, strike, rate, dividend, vol, expiry)
    price = european(*terms, False)
    forward, discount = spot * np.exp((rate - dividend) * expiry), np.exp(-rate * expiry)
    root = np.sqrt(expiry)
    maturity = TODAY + 365
    american = ql.AmericanExercise(TODAY, maturity)
    qdfp = ql.QdFpAmericanEngine
    scheme = lambda of: lambda terms: qdfp(terms, of())
    return {
        "bs_price numpy": (OPTIONS, lambda: european(*terms, False)),
        "bs_greeks numpy": (OPTIONS, lambda: european(*terms, True)),
        "implied_vol numpy": (OPTIONS, lambda: implied(price, forward, strike, root, discount)),
        "bs_price quantlib": quantlib(ql.EuropeanExercise(maturity), ql.AnalyticEuropeanEngine),
        "asian_greeks quantlib-price": quantlib(
            ql.EuropeanExercise(maturity), ql.AnalyticContinuousGeometricAveragePriceAsianEngine,
            ql.ContinuousAveragingAsianOption, ql.Average.Geometric,
        ),
        "barrier_greeks quantlib-price": quantlib(
            ql.EuropeanExercise(maturity), ql.AnalyticBarrierEngine,
            ql.BarrierOption, ql.Barrier.DownOut, 75.0, 1.0,
        ),
        "american quantlib-fast": quantlib(american, scheme(qdfp.fastScheme)),
        "american quantlib-accurate": quantlib(american, scheme(qdfp.accurateScheme)),
        "american quantlib-precise": quantlib(american, scheme(qdfp.highPrecisionScheme)),
    }


@numba.njit
def numba_gbm(ends, steps, drift, deviation):
    for path in range(ends.size):
        price = 100.0
        for _ in range(steps):
            price *= np.exp(drift + deviation * np.random.standard_normal())
        ends[path] = price


@numba.njit
def numba_heston(ends, steps, dt):
    root = np.sqrt(dt)
    for path in range(ends.size):
        log, variance = 0.0, 0.04
        for _ in range(steps):
            first, second = np.random.standard_normal(), np.random.standard_normal()
            positive = max(variance, 0.0)
            deviation = np.sqrt(positive) * root
            log += (0.03 - 0.5 * positive) * dt + deviation * first
            variance += 1.5 * (0.06 - positive) * dt
            variance += 0.5 * deviation * (-0.7 * first + 0.714142842854285 * second)
        ends[path] = 100.0 * np.exp(log)


def paths():
    rng = np.random.default_rng(11)
    ends, dt = np.empty(PATHS), 1 / STEPS
    drift, deviation = (0.05 - 0.02) * dt, 0.2 * np.sqrt(dt)

    def numpy_gbm():
        log = np.zeros(PATHS)
        for _ in range(STEPS):
            log += drift + deviation * rng.standard_normal(PATHS)
        return 100 * np.exp(log)

    work = PATHS * STEPS
    return {
        "gbm_252 numba": (work, lambda: numba_gbm(ends, STEPS, drift, deviation)),
        "gbm_252 numpy": (work, numpy_gbm),
        "heston_252 numba": (work, lambda: numba_heston(ends, STEPS, dt)),
    }


def risk_of(close):
    """What Fillrate's `measure` gives of each row and of their mean, in one pass over whole panels."""
    returns = close[:, 1:] / close[:, :-1] - 1
    portfolio = returns.mean(axis=0)
    value = np.concatenate([[1.0], np.cumprod(1 + portfolio)])
    path, returns = np.vstack([close, value]), np.vstack([returns, portfolio])
    count = returns.shape[1]
    mean = returns.mean(axis=1)
    apart = returns - mean[:, None]
    square = apart * apart
    deviation = np.sqrt(square.sum(axis=1) / (count - 1))
    skewness = (square * apart).mean(axis=1) / square.mean(axis=1) ** 1.5
    kurtosis = (square * square).mean(axis=1) / square.mean(axis=1) ** 2 - 3
    lacking = np.minimum(returns, 0)
    downside = np.sqrt((lacking * lacking).sum(axis=1) / (count - 1))
    squares = returns * returns
    state = 0.94 * squares[:, :1]
    rest, _ = lfilter([0.06], [1, -0.94], squares[:, 1:], zi=state)
    var = np.quantile(returns, 0.05, axis=1)
    is_below = returns <= var[:, None]
    cvar = (returns * is_below).sum(axis=1) / is_below.sum(axis=1)
    tops = np.maximum.accumulate(path, axis=1)
    ratios = path / tops
    trough = ratios.argmin(axis=1)
    rows = np.arange(len(path))
    depth = 1 - ratios[rows, trough]
    peak = (path >= tops[rows, trough][:, None]).argmax(axis=1)
    yearly = (path[:, -1] / path[:, 0]) ** (252 / count) - 1
    beside = apart @ apart[-1] / (count - 1)
    beta, correlation = beside / deviation[-1] ** 2, beside / deviation / deviation[-1]
    year = np.sqrt(252)
    sharpe, sortino, calmar = mean / deviation * year, mean / downside * year, yearly / depth
    moments = (mean, deviation, skewness, kurtosis, np.sqrt(rest[:, -1]), sharpe, sortino)
    return (*moments, -var, -cvar, depth, peak, trough, calmar, beta, correlation)


def risk():
    rng = np.random.default_rng(13)
    bars = BARS // SYMBOLS
    steps = 0.007 * (rng.standard_normal(bars) + rng.standard_normal((SYMBOLS, bars)))
    steps[:, 0] = 0
    close = 100 * np.exp(np.cumsum(steps, axis=1))

    def by_empyrical():
        """Eight of the figures, a symbol at a time."""
        returns = close[:, 1:] / close[:, :-1] - 1
        portfolio = returns.mean(axis=0)
        for own in returns:
            empyrical.value_at_risk(own)
            empyrical.conditional_value_at_risk(own)
            empyrical.max_drawdown(own)
            empyrical.sharpe_ratio(own)
            empyrical.sortino_ratio(own)
            empyrical.calmar_ratio(own)
            empyrical.annual_volatility(own)
            empyrical.beta(own, portfolio)

    return {
        "risk numpy": (BARS, lambda: risk_of(close)),
        "risk empyrical": (BARS, by_empyrical),
    }


def main():
    known = indicators() | options() | paths() | risk()
    print(json.dumps({"cases": list(known)}), flush=True)
    for line in sys.stdin:
        request = line.split(maxsplit=1)
        if request[0] == "quit":
            break
        units, run = known[request[1].strip()]
        run()
        best, end = float("inf"), time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            start = time.perf_counter_ns()
            run()
            best = min(best, time.perf_counter_ns() - start)
        print(json.dumps({"ns": best / units}), flush=True)


main()
