"""Reference values of the market ops, made with TA-Lib, NumPy, QuantLib and mpmath.

    python golden/market/generate.py            write the .json files
"""

import json
from pathlib import Path

import backtest
import implied
import indicators
import options
import portfolio
import risk

HERE = Path(__file__).parent


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")).replace("],", "],\n") + "\n")


if __name__ == "__main__":
    write("backtest.json", backtest.make())
    write("implied.json", implied.make())
    write("indicators.json", indicators.make())
    write("options.json", options.make())
    write("portfolio.json", portfolio.make())
    write("risk.json", risk.make())
