// Exponential, logarithm, sine, cosine and the normal distribution of doubles: those of
// `src/cpu/doubles/math.rs`, operation by operation.
//
// The program is compiled without contraction of products and sums, and division and square root of
// doubles are correctly rounded, so that a GPU gives the processor's results to the bit.
#pragma once

#include "device.cuh"

// As the processor's instructions: the second where they do not compare.
__device__ inline double larger(double a, double b) { return a > b ? a : b; }
__device__ inline double smaller(double a, double b) { return a < b ? a : b; }

__device__ inline bool is_missing(double x) { return x != x; }

__device__ inline double not_a_number() { return __longlong_as_double(0x7ff8000000000000LL); }

// A polynomial by Horner's rule, its highest coefficient first.
__device__ inline double polynomial(double, double sum) { return sum; }

template <class... Rest>
__device__ inline double polynomial(double x, double sum, double next, Rest... rest) {
    return polynomial(x, sum * x + next, rest...);
}

constexpr double LARGEST_DOUBLE = 1.7976931348623157e308;
constexpr double SMALLEST_NORMAL = 2.2250738585072014e-308;
// 1 / sqrt(2 pi).
constexpr double BELL_SCALE = 0.3989422804014327;

// ln 2 in two parts: the first has zeros enough that its product with an exponent is exact.
constexpr double LN_2_HIGH = 0.6931471803691238;
constexpr double LN_2_LOW = 1.9082149292705877e-10;

// exp x for x from -745 to 709; 0 below -708, where results would not be normal numbers.
__device__ inline double exponential(double x) {
    const double lowest = -708.0;
    const double bounded = smaller(larger(x, lowest), 709.0);
    const double n = rint(bounded * 1.4426950408889634);
    const double r = bounded - n * LN_2_HIGH - n * LN_2_LOW;
    const double sum = polynomial(
        r, 2.5100375832561234e-08, 2.7620075879983367e-07, 2.7557268480310024e-06,
        2.4801521322368692e-05, 0.00019841269863040545, 0.0013888888917196719,
        0.008333333333330065, 0.041666666666624164, 0.16666666666666669, 0.5000000000000001);
    const double value = 1.0 + (r + r * r * sum);
    const double power = __longlong_as_double((static_cast<long long>(n) + 1023) << 52);
    return x - lowest > 0.0 ? value * power : 0.0;
}

// ln x for positive normal numbers.
__device__ inline double logarithm(double x) {
    const long long bits = __double_as_longlong(x);
    const double mantissa =
        __longlong_as_double((bits & 0x000fffffffffffffLL) | 0x3ff0000000000000LL);
    const double exponent =
        static_cast<double>(static_cast<unsigned long long>(bits) >> 52) - 1023.0;
    // The mantissa from the root of 1/2 to that of 2, so that its logarithm is small on both sides of
    // 1.
    const bool is_high = mantissa - 1.4142135623730951 > 0.0;
    const double m = is_high ? mantissa * 0.5 : mantissa;
    const double e = is_high ? exponent + 1.0 : exponent;
    // ln m = 2 artanh s with s = (m - 1) / (m + 1).
    const double f = m - 1.0;
    const double s = f / (m + 1.0);
    const double s2 = s * s;
    const double sum = polynomial(
        s2, 0.14616449685043406, 0.15331721600556042, 0.18182889125261723, 0.2222221113479508,
        0.28571428625975487, 0.39999999999899505, 0.666666666666667);
    const double tail = s * (s2 * sum - f);
    return e * LN_2_HIGH + (f + (tail + e * LN_2_LOW));
}

// cos 2 pi x and sin 2 pi x for x from 0 to 1.
__device__ inline void cos_sin_turns(double x, double& cos, double& sin) {
    // The angle that is left is from -pi/2 to pi/2; see the processor's twin.
    const double y = x - 0.5;
    const double t = larger(y, 0.0 - y) - 0.25;
    const double angle = t * 6.283185307179586;
    const double square = angle * angle;
    const double odd = polynomial(
        square, 2.7314447669863995e-15, -7.643970296798572e-13, 1.6058977312464087e-10,
        -2.5052107616996182e-08, 2.7557319219163234e-06, -0.00019841269841254974,
        0.008333333333333316, -0.16666666666666666);
    const double even = polynomial(
        square, 4.6276759850181716e-14, -1.1464689885720029e-11, 2.0876630867422994e-09,
        -2.755731776732053e-07, 2.4801587292446213e-05, -0.0013888888888860709,
        0.04166666666666634, -0.5);
    cos = angle + angle * (square * odd);
    const double other = 1.0 + square * even;
    sin = y > 0.0 ? 0.0 - other : other;
}

// The normal distribution function at x and at -x, and exp(-x * x / 2).
struct Normal {
    double below, above, bell;
};

// Source: Cody, "Rational Chebyshev approximations for the error function" (1969), with the
// coefficients of CALERF (SPECFUN 2.5).
__device__ inline Normal normal(double x) {
    const double size = larger(x, 0.0 - x);
    const double bell = exponential(0.0 - x * x * 0.5);
    const double y = size * 0.7071067811865476;
    const double square = y * y;
    const bool is_beyond = y > 0.46875;
    double numerator, denominator;
    if (y > 4.0) {
        const double inverse = 1.0 / larger(square, 1e-3);
        const double top =
            polynomial(inverse, 1.63153871373020978e-2, 3.05326634961232344e-1,
                       3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2,
                       6.58749161529837803e-4);
        const double bottom =
            polynomial(inverse, 1.0, 2.56852019228982242, 1.87295284992346725,
                       5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3);
        numerator = bottom * 0.5641895835477563 - inverse * top;
        denominator = bottom * y;
    } else if (is_beyond) {
        numerator = polynomial(y, 2.15311535474403846e-8, 5.64188496988670089e-1,
                               8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
                               8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
                               1.23033935479799725e3);
        denominator = polynomial(y, 1.0, 1.57449261107098347e1, 1.17693950891312499e2,
                                 5.37181101862009858e2, 1.62138957456669019e3,
                                 3.29079923573345963e3, 4.36261909014324716e3,
                                 3.43936767414372164e3, 1.23033935480374942e3);
    } else {
        numerator = y * polynomial(square, 1.85777706184603153e-1, 3.16112374387056560,
                                   1.13864154151050156e2, 3.77485237685302021e2,
                                   3.20937758913846947e3);
        denominator = polynomial(square, 1.0, 2.36012909523441209e1, 2.44024637934444173e2,
                                 1.28261652607737228e3, 2.84423683343917062e3);
    }
    const double ratio = numerator / denominator * 0.5;
    const double below = is_beyond ? bell * ratio : 0.5 - ratio;
    const double above = is_beyond ? 1.0 - bell * ratio : 0.5 + ratio;
    return x > 0.0 ? Normal{above, below, bell} : Normal{below, above, bell};
}
