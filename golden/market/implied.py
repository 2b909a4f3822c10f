"""Implied volatilities with 60 digits: everyday quotes and the far ends of every term.

A price is computed with 60 digits and rounded to a double; the volatility is that of the rounded price. `condition`
is by how much relative errors of price, spot and strike, and of what they are discounted to, grow into a relative
error of the volatility at most.
"""

import random

from mpmath import erfc, exp, log, mp, mpf, pi, sqrt

SEED = 20261122


def cdf(x):
    return erfc(-x / sqrt(2)) / 2


def bell(x):
    return exp(-x * x / 2) / sqrt(2 * pi)


class Black:
    """Price and vega of an option as functions of the volatility."""

    def __init__(self, right, spot, strike, rate, dividend, expiry):
        self.sign = 1 if right == "call" else -1
        self.expiry = mpf(expiry)
        self.spot = mpf(spot) * exp(-mpf(dividend) * self.expiry)
        self.strike = mpf(strike) * exp(-mpf(rate) * self.expiry)
        self.x = log(self.spot / self.strike)

    def parts(self, vol):
        deviation = vol * sqrt(self.expiry)
        d = self.x / deviation + deviation / 2
        spot = self.spot * cdf(self.sign * d)
        strike = self.strike * cdf(self.sign * (d - deviation))
        return spot, strike, self.spot * bell(d) * sqrt(self.expiry)

    def price(self, vol):
        spot, strike, _ = self.parts(vol)
        return self.sign * (spot - strike)

    def implied(self, price, near):
        """By Newton's method, from a volatility that is right to the digits of a double."""
        vol = mpf(near)
        for _ in range(8):
            _, _, vega = self.parts(vol)
            vol -= (self.price(vol) - price) / vega
        return vol


def case(right, spot, strike, rate, dividend, expiry, vol):
    black = Black(right, spot, strike, rate, dividend, expiry)
    price = float(black.price(mpf(vol)))
    highest = black.spot if black.sign > 0 else black.strike
    lowest = max(black.sign * (black.spot - black.strike), 0)
    spot_part, strike_part, vega = black.parts(mpf(vol))
    condition = mpf(price) / (vega * vol)
    # Spot and strike that are one number stay so.
    if not spot == strike or rate or dividend:
        condition += (spot_part + strike_part + (lowest and highest)) / (vega * vol)
    # A price without a digit that says anything of the volatility is no case.
    if not lowest < price < highest or price < 1e-305 or condition > 1e9:
        return None
    found = black.implied(mpf(price), vol)
    return [right, spot, strike, rate, dividend, expiry, price, float(found), float(condition)]


def terms(rng):
    """Terms and a volatility of each kind in turn."""
    uniform, either = rng.uniform, lambda: rng.choice(["call", "put"])
    everyday = lambda: (100.0, uniform(60, 160), uniform(-0.02, 0.08), uniform(0, 0.05), uniform(0.02, 3))
    yield (either(), *everyday(), uniform(0.05, 1.2))
    # At the money, with volatilities and times from nearly none on.
    spot = uniform(1, 5000)
    yield either(), spot, spot, 0.0, 0.0, 10 ** uniform(-6, 1.5), 10 ** uniform(-8, 1)
    near = spot * (1 + 10 ** uniform(-14, -2) * rng.choice([-1, 1]))
    yield either(), spot, near, 0.0, 0.0, 10 ** uniform(-6, 0), 10 ** uniform(-6, 0)
    # Far out of the money: prices down to 1e-300.
    strike = 10 ** uniform(-4, 4)
    distance = 10 ** uniform(-2, 1)
    expiry = 10 ** uniform(-6, 1.5)
    vol = distance / uniform(0.5, 36.5) / expiry**0.5
    side = rng.choice([-1, 1])
    right = "put" if side > 0 else "call"
    yield right, strike * 2.718281828 ** (side * distance), strike, 0.01, 0.0, expiry, vol
    # Wild: 1000 % over 30 years is the bound to a double, less is not.
    yield (either(), *everyday()[:4], 10 ** uniform(-3, 1.5), 10 ** uniform(0, 1))
    yield either(), 100.0, uniform(20, 500), 0.02, 0.01, 30.0, uniform(0.01, 2.5)
    # In the money.
    right = either()
    ratio = uniform(1.01, 3)
    yield right, 100.0, 100 / ratio if right == "call" else 100 * ratio, 0.03, 0.01, 1.0, uniform(0.1, 2)
    # Spot and strike of different worlds.
    yield either(), 10 ** uniform(-100, 100), 10 ** uniform(-100, 100), 0.0, 0.0, 1.0, 10 ** uniform(0, 1.5)


def make():
    mp.dps = 60
    rng = random.Random(SEED)
    cases = [case(*quote) for _ in range(100) for quote in terms(rng)]
    return [quote for quote in cases if quote]
