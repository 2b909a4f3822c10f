"""Options on a grid of terms, by QuantLib: analytic engines, the integral-equation engine for American
options, and paths with a control variate for arithmetic means.

Expiries are whole days of a 365-day year, so that QuantLib's dates say exactly the same.
"""

import itertools

import QuantLib as ql

TODAY = ql.Date(1, 1, 2024)
DAYS = ql.Actual365Fixed()


def process(spot, rate, dividend, vol):
    flat = lambda r: ql.YieldTermStructureHandle(ql.FlatForward(TODAY, r, DAYS, ql.Continuous))
    surface = ql.BlackVolTermStructureHandle(
        ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, DAYS)
    )
    return ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)), flat(dividend), flat(rate), surface
    )


def right_of(name):
    return ql.Option.Call if name == "call" else ql.Option.Put


def european(right, spot, strike, rate, dividend, vol, days):
    payoff = ql.PlainVanillaPayoff(right_of(right), strike)
    option = ql.VanillaOption(payoff, ql.EuropeanExercise(TODAY + days))
    option.setPricingEngine(ql.AnalyticEuropeanEngine(process(spot, rate, dividend, vol)))
    greeks = [option.delta(), option.gamma(), option.vega(), option.theta(), option.rho()]
    return [option.NPV(), *greeks]


def american(right, spot, strike, rate, dividend, vol, days):
    payoff = ql.PlainVanillaPayoff(right_of(right), strike)
    option = ql.VanillaOption(payoff, ql.AmericanExercise(TODAY, TODAY + days))
    # Tanh-sinh quadrature to 1e-10 over 40 nodes.
    scheme = ql.QdFpTanhSinhIterationScheme(24, 40, 1e-10)
    engine = ql.QdFpAmericanEngine(process(spot, rate, dividend, vol), scheme)
    option.setPricingEngine(engine)
    return option.NPV()


def arithmetic(right, spot, strike, rate, dividend, vol, days, fixings):
    payoff = ql.PlainVanillaPayoff(right_of(right), strike)
    dates = [TODAY + days * (i + 1) // fixings for i in range(fixings)]
    option = ql.DiscreteAveragingAsianOption(
        ql.Average.Arithmetic, 0.0, 0, dates, payoff, ql.EuropeanExercise(TODAY + days)
    )
    option.setPricingEngine(
        ql.MCDiscreteArithmeticAPEngine(
            process(spot, rate, dividend, vol), "pseudorandom", controlVariate=True,
            requiredSamples=1 << 18, seed=42,
        )
    )
    return option.NPV(), option.errorEstimate()


def heston(strike):
    flat = lambda r: ql.YieldTermStructureHandle(ql.FlatForward(TODAY, r, DAYS, ql.Continuous))
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    terms = ql.HestonProcess(flat(0.03), flat(0.0), spot, 0.04, 1.5, 0.06, 0.5, -0.7)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, strike)
    option = ql.VanillaOption(payoff, ql.EuropeanExercise(TODAY + 365))
    option.setPricingEngine(ql.AnalyticHestonEngine(ql.HestonModel(terms), 192))
    return option.NPV()


def geometric(right, spot, strike, rate, dividend, vol, days, fixings):
    payoff = ql.PlainVanillaPayoff(right_of(right), strike)
    exercise = ql.EuropeanExercise(TODAY + days)
    terms = process(spot, rate, dividend, vol)
    if fixings is None:
        option = ql.ContinuousAveragingAsianOption(ql.Average.Geometric, payoff, exercise)
        option.setPricingEngine(ql.AnalyticContinuousGeometricAveragePriceAsianEngine(terms))
    else:
        dates = [TODAY + days * (i + 1) // fixings for i in range(fixings)]
        option = ql.DiscreteAveragingAsianOption(
            ql.Average.Geometric, 1.0, 0, dates, payoff, exercise
        )
        option.setPricingEngine(ql.AnalyticDiscreteGeometricAveragePriceAsianEngine(terms))
    return option.NPV()


KINDS = {
    "down-out": ql.Barrier.DownOut,
    "down-in": ql.Barrier.DownIn,
    "up-out": ql.Barrier.UpOut,
    "up-in": ql.Barrier.UpIn,
}


def barrier(kind, level, rebate, right, spot, strike, rate, dividend, vol, days):
    payoff = ql.PlainVanillaPayoff(right_of(right), strike)
    exercise = ql.EuropeanExercise(TODAY + days)
    option = ql.BarrierOption(KINDS[kind], level, rebate, payoff, exercise)
    option.setPricingEngine(ql.AnalyticBarrierEngine(process(spot, rate, dividend, vol)))
    return option.NPV()


def make():
    ql.Settings.instance().evaluationDate = TODAY
    terms = list(
        itertools.product(
            ["call", "put"], [100.0], [70.0, 100.0, 140.0], [0.05, -0.01], [0.0, 0.03],
            [0.05, 0.25, 1.5], [30, 365, 1825],
        )
    )
    names = ["right", "spot", "strike", "rate", "yield", "vol", "days"]
    record = lambda values: dict(zip(names, values))
    out = {"european": [], "american": [], "geometric": [], "arithmetic": [], "barrier": []}
    for values in terms:
        out["european"].append(record(values) | {"greeks": european(*values)})
    for values in itertools.product(
        ["call", "put"], [100.0], [80.0, 100.0, 125.0], [0.0, 0.02, 0.1], [0.0, 0.02, 0.06],
        [0.1, 0.3, 0.8], [30, 365, 1825],
    ):
        out["american"].append(record(values) | {"price": american(*values)})
    for values in [
        ("call", 100.0, 100.0, 0.05, 0.0, 0.25, 360), ("put", 100.0, 110.0, 0.02, 0.03, 0.4, 720),
    ]:
        for fixings in [4, 12, 60]:
            price, error = arithmetic(*values, fixings)
            extra = {"fixings": fixings, "price": price, "std_error": error}
            out["arithmetic"].append(record(values) | extra)
    out["heston"] = [{"strike": k, "price": heston(k)} for k in [80.0, 100.0, 120.0]]
    for values in terms[::5]:
        days = values[-1]
        for fixings in [None, 5 if days % 5 == 0 else 1, days // 5]:
            price = geometric(*values, fixings)
            out["geometric"].append(record(values) | {"fixings": fixings, "price": price})
    for values in terms[::3]:
        for kind in KINDS:
            for distance in [0.05, 0.3]:
                side = -1 if kind.startswith("down") else 1
                level, rebate = 100.0 * (1 + side * distance), 3.0
                # A rate below 0 leaves the value of a rebate at the hit without a closed form.
                if values[3] < 0:
                    rebate = 0.0
                price = barrier(kind, level, rebate, *values)
                extra = {"kind": kind, "level": level, "rebate": rebate, "price": price}
                out["barrier"].append(record(values) | extra)
    return out
