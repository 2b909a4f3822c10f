// European options by Black, Scholes and Merton, one a thread.
//
// terms: f64 [7, options]: spot, strike, rate, yield, volatility, expiry and sign (1 a call, -1 a put);
// out: f64 [6, options]: price, delta, gamma, vega, theta, rho.
#include "doubles.cuh"

KERNEL void black_scholes(const double* terms, double* out, unsigned long long options) {
    const size_t option = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (option >= options) return;
    const double* column = terms + option;
    const double spot = column[0], strike = column[options], rate = column[2 * options];
    const double dividend = column[3 * options], vol = column[4 * options];
    const double expiry = column[5 * options], sign = column[6 * options];

    const double root = sqrt(expiry);
    // Far below any deviation of use: an option with a smaller one has its intrinsic value.
    const double deviation = larger(vol * root, 1e-150);
    const double spot_now = spot * exponential(0.0 - dividend * expiry);
    const double strike_now = strike * exponential(0.0 - rate * expiry);
    const double moneyness = logarithm(spot / strike) + (rate - dividend) * expiry;
    const double d1 = moneyness / deviation + deviation * 0.5;
    const Normal one = normal(d1), two = normal(d1 - deviation);
    const double n1 = sign > 0.0 ? one.below : one.above;
    const double n2 = sign > 0.0 ? two.below : two.above;
    const double spot_part = spot_now * n1, strike_part = strike_now * n2;
    const double weighted = spot_now * (one.bell * 0.3989422804014327);
    const double decay = expiry > 0.0 ? weighted * vol * 0.5 / root : 0.0;

    double* to = out + option;
    to[0] = larger(sign * (spot_part - strike_part), 0.0);
    to[options] = sign * n1 * (spot_now / spot);
    to[2 * options] = vol * root > 0.0 ? weighted / (spot * spot * deviation) : 0.0;
    to[3 * options] = weighted * root;
    to[4 * options] = sign * (dividend * spot_part - rate * strike_part) - decay;
    to[5 * options] = sign * expiry * strike_part;
}
