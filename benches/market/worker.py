"""The peers' side of `cargo xtask bench market`.

    python benches/market/worker.py

Writes {"cases": [...]} when it is ready, then answers each line `run CASE` with {"ns": ...}: the
nanoseconds per unit (a bar) of the fastest repetition in a fifth of a second, on one thread. Memory
that was given back is kept by the process, so that no repetition pays for fresh pages.
"""

import json
import os
import sys
import time

SECONDS = 0.2
BARS = 1_000_000

if os.environ.get("MALLOC_TRIM_THRESHOLD_") is None:
    keep = str(1 << 30)
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    environment = os.environ | one | {"MALLOC_TRIM_THRESHOLD_": keep, "MALLOC_MMAP_THRESHOLD_": keep}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import talib  # noqa: E402


def cases():
    rng = np.random.default_rng(20_260_902)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, BARS)))
    high, low = close * 1.01, close * 0.99
    series = pd.Series(close)

    def pandas_zscore():
        rolling = series.rolling(20)
        return (series - rolling.mean()) / rolling.std(ddof=0)

    return {
        "sma_20 talib": lambda: talib.SMA(close, 20),
        "ema_20 talib": lambda: talib.EMA(close, 20),
        "wma_20 talib": lambda: talib.WMA(close, 20),
        "rsi_14 talib": lambda: talib.RSI(close, 14),
        "bbands_20_2 talib": lambda: talib.BBANDS(close, 20, 2.0, 2.0),
        "macd_12_26_9 talib": lambda: talib.MACD(close, 12, 26, 9),
        "atr_14 talib": lambda: talib.ATR(high, low, close, 14),
        "max_20 talib": lambda: talib.MAX(close, 20),
        "std_20 talib": lambda: talib.STDDEV(close, 20, 1.0),
        "zscore_20 pandas": pandas_zscore,
        "sma_20 pandas": lambda: series.rolling(20).mean(),
        "ema_20 pandas": lambda: series.ewm(span=20, adjust=False).mean(),
    }


def main():
    known = cases()
    print(json.dumps({"cases": list(known)}), flush=True)
    for line in sys.stdin:
        request = line.split(maxsplit=1)
        if request[0] == "quit":
            break
        run = known[request[1].strip()]
        run()
        best, end = float("inf"), time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            start = time.perf_counter_ns()
            run()
            best = min(best, time.perf_counter_ns() - start)
        print(json.dumps({"ns": best / BARS}), flush=True)


main()
