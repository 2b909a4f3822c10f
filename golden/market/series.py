"""The coefficients of the polynomials in `crates/fillrate-kernels/src/cpu/doubles/math.rs` and `cuda/doubles.cuh`.

    python golden/market/series.py           print them, the highest power first

Each interpolates its function at the Chebyshev nodes of its range, whose error is less than twice that of the best
polynomial of that degree; rounded to doubles, and with the error that is left where the arithmetic is exact.
"""

from mpmath import atanh, cos, exp, log, lu_solve, matrix, mp, mpf, pi, polyval, sin, sqrt

POINTS = 4001
TERMS = 40


def taylor(first, ratio):
    """A series of powers of z: the first coefficient, and what each is of the one before."""

    def value(z):
        total, term = mpf(0), first
        for k in range(1, TERMS):
            total += term
            term *= ratio(k) * z
        return total

    return value


def interpolation(function, low, high, count):
    nodes = [(low + high + (high - low) * cos(pi * (2 * k + 1) / (2 * count))) / 2 for k in range(count)]
    powers = matrix([[node**power for power in reversed(range(count))] for node in nodes])
    return [float(coefficient) for coefficient in lu_solve(powers, matrix([function(node) for node in nodes]))]


def show(form, coefficients, error, low, high):
    errors = [abs(error(low + (high - low) * k / POINTS)) for k in range(1, POINTS + 1)]
    print(f"{form}: error {float(max(errors)):.1e}")
    for coefficient in coefficients:
        print(f"    {coefficient!r},")


def main():
    half = log(2) / 2
    p = interpolation(taylor(mpf(1) / 2, lambda k: mpf(1) / (k + 2)), -half, half, 10)
    show("exp r = 1 + (r + r r P(r))", p, lambda r: (1 + r + r * r * polyval(p, r)) / exp(r) - 1, -half, half)

    top = (sqrt(2) - 1) / (sqrt(2) + 1)
    terms = taylor(mpf(2) / 3, lambda k: mpf(2 * k + 1) / (2 * k + 3))
    q = interpolation(terms, mpf(0), top**2, 7)
    show("2 artanh s = 2 s + s z P(z), z = s s", q,
         lambda s: (2 * s + s**3 * polyval(q, s * s)) / (2 * atanh(s)) - 1, mpf(0), top)

    right = pi / 2
    terms = taylor(-mpf(1) / 6, lambda k: -mpf(1) / ((2 * k + 2) * (2 * k + 3)))
    odd = interpolation(terms, mpf(0), right**2, 8)
    show("sin a = a + a (z P(z)), z = a a", odd,
         lambda a: a + a**3 * polyval(odd, a * a) - sin(a), mpf(0), right)
    terms = taylor(-mpf(1) / 2, lambda k: -mpf(1) / ((2 * k + 1) * (2 * k + 2)))
    even = interpolation(terms, mpf(0), right**2, 8)
    show("cos a = 1 + z P(z)", even, lambda a: 1 + a**2 * polyval(even, a * a) - cos(a), mpf(0), right)


if __name__ == "__main__":
    mp.dps = 60
    main()
