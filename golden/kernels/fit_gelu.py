"""Derives the coefficients of `gelu_for_bf16` in crates/fillrate-kernels/src/cpu/math.rs.

Phi(x) - 1/2 = x P(x^2) on [-4, 4]; P is the polynomial of degree 7 that minimises the largest
error of x Phi(x), found by Lawson's algorithm (iteratively reweighted least squares).
Needs numpy only. No seed: the result is deterministic.
"""

from math import erf, sqrt

import numpy as np

LIMIT, DEGREE, POINTS, ROUNDS = 4.0, 7, 8000, 200

half_cosine = 0.5 + 0.5 * np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)
x = half_cosine * LIMIT
target = x * np.array([0.5 * erf(v / sqrt(2)) for v in x])
u = 2 * (x / LIMIT) ** 2 - 1
basis = np.polynomial.chebyshev.chebvander(u, DEGREE) * (x * x)[:, None]

weights = np.full(POINTS, 1.0 / POINTS)
for _ in range(ROUNDS):
    root = np.sqrt(weights)
    solution, *_ = np.linalg.lstsq(basis * root[:, None], target * root, rcond=None)
    error = np.abs(basis @ solution - target)
    weights *= error + 1e-12
    weights /= weights.sum()

chebyshev = np.polynomial.Chebyshev(solution, domain=[0, LIMIT**2])
monomials = chebyshev.convert(kind=np.polynomial.Polynomial, domain=[-1, 1], window=[-1, 1])
print("largest error on [-4, 4]:", error.max())
for power, coefficient in enumerate(monomials.coef):
    print(f"x^{2 * power}: {coefficient:.9e}")
