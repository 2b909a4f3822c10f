"""Indicators of one random walk, by TA-Lib. Warm-up is null."""

import numpy as np
import talib

SEED = 20_260_901
BARS = 260


def walk():
    rng = np.random.default_rng(SEED)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.015, BARS))), 4)
    open_ = np.round(np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0, 0.004, BARS)), 4)
    high = np.round(np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.006, BARS))), 4)
    low = np.round(np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.006, BARS))), 4)
    return open_, high, low, close


def plain(values):
    return [None if np.isnan(x) else float(x) for x in values]


def make():
    open_, high, low, close = walk()
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    wide = talib.BBANDS(close, 33, 2.5, 2.5)
    macd = talib.MACD(close, 12, 26, 9)
    slow_k, slow_d = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    columns = {
        "sma_20": talib.SMA(close, 20),
        "sma_3": talib.SMA(close, 3),
        "sma_100": talib.SMA(close, 100),
        "ema_20": talib.EMA(close, 20),
        "ema_2": talib.EMA(close, 2),
        "wma_20": talib.WMA(close, 20),
        "wma_9": talib.WMA(close, 9),
        "rsi_14": talib.RSI(close, 14),
        "rsi_2": talib.RSI(close, 2),
        "bb_upper_20_2": upper,
        "bb_middle_20_2": middle,
        "bb_lower_20_2": lower,
        "bb_upper_33_2.5": wide[0],
        "bb_middle_33_2.5": wide[1],
        "bb_lower_33_2.5": wide[2],
        "macd_12_26_9": macd[0],
        "macd_signal_12_26_9": macd[1],
        "macd_hist_12_26_9": macd[2],
        "atr_14": talib.ATR(high, low, close, 14),
        "mom_10": talib.MOM(close, 10),
        "roc_10": talib.ROCP(close, 10),
        "std_20": talib.STDDEV(close, 20, 1.0),
        "min_20": talib.MIN(close, 20),
        "max_20": talib.MAX(close, 20),
        "stoch_k_14_3_3": slow_k,
        "stoch_d_14_3_3": slow_d,
    }
    return {
        "open": open_.tolist(),
        "high": high.tolist(),
        "low": low.tolist(),
        "close": close.tolist(),
        "columns": {name: plain(values) for name, values in columns.items()},
    }
