"""The peers' side of `cargo xtask bench desk`: sweeps and portfolios.

    python benches/desk/worker.py DATA

DATA has what Fillrate's side made: closes.f64 (2,500 closes) and panel.f64 (20 symbols, 8,313 closes
each). Writes {"cases": [...]} when it is ready, then answers each line `run CASE` with {"ms": ...,
"value": ...}: the milliseconds of the fastest repetition in half a second, on one thread, and a number
that both sides should agree on. A case that takes seconds is run once.
"""

import json
import os
import sys
import time
import warnings

SECONDS = 0.5
FEE, SLIPPAGE = 0.001, 0.0005
WINDOWS = range(2, 144)
SYMBOLS = 20

if os.environ.get("OMP_NUM_THREADS") != "1":
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {name: "1" for name in names})

warnings.filterwarnings("ignore")

import numba  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402


@numba.njit
def averages(close, windows):
    out = np.full((len(windows), len(close)), np.nan)
    for row, window in enumerate(windows):
        total = 0.0
        for at in range(len(close)):
            total += close[at]
            if at >= window:
                total -= close[at - window]
            if at >= window - 1:
                out[row, at] = total / window
    return out


@numba.njit
def fused(close, windows, fee, slippage):
    """One loop over the bars for each pair: account, fees, and what the metrics are made of."""
    lines = averages(close, windows)
    pairs = len(windows) * (len(windows) - 1) // 2
    out = np.empty((pairs, 9))
    pair = 0
    for i in range(len(windows)):
        for j in range(i + 1, len(windows)):
            fast, slow = lines[i], lines[j]
            cash, shares, paid, before, peak = 1.0, 0.0, 1.0, 1.0, 1.0
            total, squares, downside, drawdown = 0.0, 0.0, 0.0, 0.0
            held, trades, closed, won, side = 0, 0, 0, 0, 0
            for at in range(1, len(close)):
                new = side
                if fast[at] > slow[at]:
                    new = 1
                elif fast[at] < slow[at]:
                    new = -1
                if side == -1 and new == 1 and shares == 0.0:
                    paid = cash
                    shares = cash / (close[at] * (1 + slippage) * (1 + fee))
                    cash = 0.0
                    trades += 1
                elif side == 1 and new == -1 and shares > 0.0:
                    cash = shares * close[at] * (1 - slippage) * (1 - fee)
                    shares = 0.0
                    closed += 1
                    won += cash > paid
                side = new
                value = cash + shares * close[at]
                r = value / before - 1
                before = value
                total += r
                squares += r * r
                if r < 0:
                    downside += r * r
                if value > peak:
                    peak = value
                drawdown = max(drawdown, 1 - value / peak)
                held += shares > 0.0
            n = len(close) - 1
            deviation = np.sqrt(max(squares - total * total / n, 0.0) / (n - 1))
            down = np.sqrt(downside / (n - 1))
            out[pair, 0] = before - 1
            out[pair, 1] = before ** (252 / n) - 1
            out[pair, 2] = total / n / deviation * np.sqrt(252) if deviation > 0 else np.nan
            out[pair, 3] = total / n / down * np.sqrt(252) if down > 0 else np.nan
            out[pair, 4] = drawdown
            out[pair, 5] = trades
            out[pair, 6] = won / closed if closed > 0 else np.nan
            out[pair, 7] = held / len(close)
            pair += 1
    return out


def cases(folder):
    close = np.fromfile(os.path.join(folder, "closes.f64"))
    prices = np.fromfile(os.path.join(folder, "panel.f64")).reshape(SYMBOLS, -1)
    windows = np.array(WINDOWS)
    names = [f"S{symbol:02}" for symbol in range(SYMBOLS)]
    returns = pd.DataFrame((prices[:, 1:] / prices[:, :-1] - 1).T, columns=names)

    def vectorbt():
        import vectorbt as vbt

        series = pd.Series(close, index=pd.date_range("2015-01-01", periods=len(close)))
        fast, slow = vbt.MA.run_combs(series, window=windows, r=2, short_names=["fast", "slow"])
        entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        terms = {"fees": FEE, "slippage": SLIPPAGE, "init_cash": 1.0, "freq": "1D"}
        return float(vbt.Portfolio.from_signals(series, entries, exits, **terms).total_return().sum())

    def skfolio(make):
        def run():
            from skfolio import RiskMeasure, optimization

            model = make(optimization, RiskMeasure)
            model.fit(returns)
            return [float(weight) for weight in model.weights_]

        return run

    def variance(weights):
        return float(np.array(weights) @ returns.cov().to_numpy() @ np.array(weights))

    def cvar(weights):
        losses = np.sort(-(returns.to_numpy() @ np.array(weights)))[::-1]
        tail = 0.05 * len(losses)
        alpha = losses[int(np.ceil(tail)) - 1]
        return float(alpha + np.maximum(losses - alpha, 0).sum() / tail)

    mean_risk = lambda measure: skfolio(
        lambda o, r: o.MeanRisk(risk_measure=getattr(r, measure))
    )
    parity = skfolio(lambda o, r: o.RiskBudgeting(risk_measure=r.VARIANCE))
    return {
        "sweep numba": (lambda: fused(close, windows, FEE, SLIPPAGE)[:, 0].sum(), float, False),
        "sweep vectorbt": (vectorbt, float, True),
        "min-variance skfolio": (mean_risk("VARIANCE"), variance, False),
        "risk-parity skfolio": (parity, variance, False),
        "min-cvar skfolio": (mean_risk("CVAR"), cvar, False),
    }


def main():
    known = cases(sys.argv[1])
    print(json.dumps({"cases": list(known)}), flush=True)
    for line in sys.stdin:
        request = line.split(maxsplit=1)
        if request[0] == "quit":
            break
        run, value, is_slow = known[request[1].strip()]
        result = None
        if not is_slow:
            result = run()
        best, end = float("inf"), time.perf_counter() + SECONDS
        while best == float("inf") or (not is_slow and time.perf_counter() < end):
            start = time.perf_counter_ns()
            result = run()
            best = min(best, time.perf_counter_ns() - start)
        print(json.dumps({"ms": best / 1e6, "value": value(result), "once": is_slow}), flush=True)


main()
