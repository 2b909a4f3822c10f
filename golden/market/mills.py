"""The coefficients of Mills' ratio in `crates/fillrate-kernels/src/cpu/doubles/mills.rs`.

    python golden/market/mills.py            print them, the highest power first

(z + 3/2) R(z) for z from -1 on, as a series of Chebyshev polynomials in u = (z - 4) / (z + 6), rewritten in powers
of u and rounded to doubles.
"""

from mpmath import cos, erfc, exp, fsum, mp, mpf, pi, sqrt

DEGREE = 25
POINTS = 120


def ratio(z):
    if z < 50:
        return sqrt(pi / 2) * exp(z * z / 2) * erfc(z / sqrt(2))
    fraction = mpf(0)
    for k in range(60, 0, -1):
        fraction = k / (z + fraction)
    return 1 / (z + fraction)


def chebyshev():
    angles = [pi * (k + mpf(1) / 2) / POINTS for k in range(POINTS)]
    values = []
    for angle in angles:
        u = cos(angle)
        z = (4 + 6 * u) / (1 - u)
        values.append((z + mpf(3) / 2) * ratio(z))
    series = [
        2 * fsum(value * cos(j * angle) for value, angle in zip(values, angles)) / POINTS
        for j in range(DEGREE + 1)
    ]
    series[0] /= 2
    return series


def powers(series):
    polynomials = [[mpf(1)], [mpf(0), mpf(1)]]
    while len(polynomials) < len(series):
        last, before = polynomials[-1], polynomials[-2]
        following = [mpf(0)] + [2 * c for c in last]
        for power, c in enumerate(before):
            following[power] -= c
        polynomials.append(following)
    out = [mpf(0)] * len(series)
    for c, polynomial in zip(series, polynomials):
        for power, x in enumerate(polynomial):
            out[power] += c * x
    return out


if __name__ == "__main__":
    mp.dps = 40
    for coefficient in reversed(powers(chebyshev())):
        print(repr(float(coefficient)))
