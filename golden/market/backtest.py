"""Backtests of four strategies, bar by bar, by NumPy and pandas.

One account, one loop, signals from pandas' rolling windows: written to be read, not to be fast.
"""

import numpy as np
import pandas as pd

SEED = 20_261_101
BARS = 500

CASES = [
    ("ma-crossover", [5, 20]),
    ("ma-crossover", [3, 50]),
    ("ma-crossover", [1, 10]),
    ("rsi", [5, 35, 60]),
    ("rsi", [14, 45, 55]),
    ("bollinger", [20, 1.5]),
    ("bollinger", [8, 1]),
    ("momentum", [10]),
    ("momentum", [63]),
]
TERMS = [
    (0.0, 0.0, "long", "next-open"),
    (0.001, 0.0005, "long", "next-open"),
    (0.001, 0.0005, "long", "close"),
    (0.002, 0.001, "long-short", "next-open"),
    (0.0, 0.001, "long-short", "close"),
]


def walk():
    rng = np.random.default_rng(SEED)
    close = np.round(50 * np.exp(np.cumsum(rng.normal(0.0002, 0.018, BARS))), 3)
    gap = rng.normal(0, 0.004, BARS)
    open_ = np.round(np.concatenate([[50.0], close[:-1]]) * np.exp(gap), 3)
    return open_, close


def wilder_rsi(close, bars):
    change = np.diff(close)
    out = np.full(len(close), np.nan)
    gain = np.maximum(change[:bars], 0).mean()
    loss = np.maximum(-change[:bars], 0).mean()
    out[bars] = 100 * gain / (gain + loss)
    for at in range(bars, len(change)):
        gain = (gain * (bars - 1) + max(change[at], 0)) / bars
        loss = (loss * (bars - 1) + max(-change[at], 0)) / bars
        out[at + 1] = 100 * gain / (gain + loss)
    return out


def signals(strategy, close, parameters):
    """1 to buy, -1 to sell, 0 for neither, at each close."""
    series = pd.Series(close)
    signal = np.zeros(len(close))
    if strategy == "ma-crossover":
        fast, slow = (series.rolling(n).mean().to_numpy() for n in parameters)
        difference = np.where(np.isnan(slow), 0, np.sign(np.round(fast - slow, 10)))
        side = 0
        for at, sign in enumerate(difference):
            if sign != 0:
                signal[at] = sign if side == -sign else 0
                side = sign
    elif strategy == "rsi":
        bars, low, high = parameters
        index = wilder_rsi(close, bars)
        signal = np.where(index < low, 1, np.where(index > high, -1, 0))
    elif strategy == "bollinger":
        bars, width = parameters
        middle, deviation = series.rolling(bars).mean(), series.rolling(bars).std(ddof=0)
        above, below = series > middle + width * deviation, series < middle - width * deviation
        signal = below.astype(int).to_numpy() - above.astype(int).to_numpy()
    elif strategy == "momentum":
        change = series.diff(parameters[0]).to_numpy()
        signal = np.nan_to_num(np.sign(change))
    return signal


def run(signal, open_, close, fee, slippage, positions, fill):
    cash, shares, side, wanted = 1.0, 0.0, 0, 0
    values, held, gains = [], [], []
    trades, paid = 0, 1.0

    def turn(price):
        nonlocal cash, shares, side, trades, paid
        if wanted == side:
            return
        dear, cheap = price * (1 + slippage), price * (1 - slippage)
        if side == 1:
            cash += shares * cheap * (1 - fee)
        elif side == -1:
            cash += shares * dear * (1 + fee)
        if side != 0:
            shares = 0.0
            gains.append(cash - paid)
        side, paid = wanted, cash
        if wanted != 0:
            trades += 1
        if wanted == 1:
            shares = cash / (dear * (1 + fee))
            cash -= shares * dear * (1 + fee)
        elif wanted == -1:
            shares = -cash / cheap
            cash += -shares * cheap * (1 - fee)

    for at in range(len(close)):
        if fill == "next-open" and at > 0:
            turn(open_[at])
        if signal[at] == 1:
            wanted = 1
        elif signal[at] == -1:
            wanted = -1 if positions == "long-short" else 0
        if fill == "close" and at > 0:
            turn(close[at])
        values.append(cash + shares * close[at])
        held.append(side != 0)
    return np.array(values), np.array(held), np.array(gains), trades


def figures(values, held, gains, trades):
    r = values[1:] / values[:-1] - 1
    downside = np.sqrt(np.sum(np.minimum(r, 0) ** 2) / (len(r) - 1))
    peak = np.maximum.accumulate(np.concatenate([[1.0], values]))[1:]
    ratio = lambda deviation: None if deviation == 0 else r.mean() / deviation * np.sqrt(252)
    return {
        "total_return": values[-1] - 1,
        "cagr": values[-1] ** (252 / len(r)) - 1,
        "sharpe": ratio(r.std(ddof=1)),
        "sortino": ratio(downside),
        "max_drawdown": (1 - values / peak).max(),
        "trades": trades,
        "win_rate": None if len(gains) == 0 else float((gains > 0).mean()),
        "exposure": float(held.mean()),
    }


def make():
    open_, close = walk()
    cases = []
    for strategy, parameters in CASES:
        signal = signals(strategy, close, parameters)
        for fee, slippage, positions, fill in TERMS:
            account = run(signal, open_, close, fee, slippage, positions, fill)
            terms = {"fee": fee, "slippage": slippage, "positions": positions, "fill": fill}
            cases.append({"strategy": strategy, "set": parameters} | terms | figures(*account))
    return {"open": open_.tolist(), "close": close.tolist(), "cases": cases}
