// The volatility that a price of a European option implies, one a thread: the operations of
// `src/cpu/options/implied.rs`, where the method is told.
//
// quotes: f64 [7, options]: price, spot, strike, rate, yield, expiry and sign (1 a call, -1 a put); out: f64
// [options].
#include "mills.cuh"

constexpr int IMPLIED_STEPS = 2;
constexpr int SERIES_END = 16;
constexpr double TINY_SCALE = 18446744073709551616.0;
constexpr double TINY_SHIFT = 44.3614195558365;

// What a quote comes to.
struct Quote {
    // |ln F / K|.
    double distance;
    // Whether q is solved for, else p.
    bool is_upper;
    // p or q, what the logarithm of that is too large by, and p or q within the range of doubles.
    double part, part_shift, guess_part;

    __device__ Quote(double x, double time_value, double room, double scale) {
        distance = larger(x, 0.0 - x);
        is_upper = scale * 0.5 - room > 0.0;
        const bool is_tiny = scale * 1e-290 - time_value > 0.0;
        const double enlarged = is_tiny ? time_value * TINY_SCALE : time_value;
        part = smaller((is_upper ? room : enlarged) / scale, 0.6);
        part_shift = !is_upper && is_tiny ? TINY_SHIFT : 0.0;
        guess_part = larger(part * (part_shift > 0.0 ? 1.0 / TINY_SCALE : 1.0), 1e-305);
    }

    // A deviation that is wrong by a quarter at most.
    __device__ double guess() const {
        const double twice = distance + distance;
        const double middle = sqrt(twice);
        const double drop = middle - 1e-4 > 0.0
                                ? mills_ratio(0.0) - mills_ratio(middle)
                                : middle * (1.0 - middle * 0.6266570686577501);
        const double middle_part = drop * BELL_SCALE;
        const bool is_below = !is_upper && middle_part - guess_part > 0.0;
        const double half_middle = middle * 0.5;
        const double beyond = is_upper ? guess_part : guess_part - middle_part;
        const double above = is_below ? (middle_part - guess_part) * half_middle : beyond;
        const double w = above / (is_below ? guess_part * (1.0 + half_middle) : 1.0 - middle_part);
        const double other = 1.0 - w;
        const double error = is_upper ? other : w, rest = is_upper ? w : other;
        const double reach = is_below ? w : error;
        double log = is_below ? w : 0.0 - error * error;
        if (reach - 1e-4 > 0.0) log = logarithm(is_below ? 1.0 + w : rest * (1.0 + error));

        const double turned = -1.0 / 0.147 * log;
        const double centre = 4.330746750799873 + log * 0.5;
        const double root = sqrt(larger(centre * centre + turned, 0.0));
        const double square = larger((is_below ? log * log : turned + turned) /
                                         (is_below ? 1.0 + log * 0.5 : root + centre),
                                     0.0);
        const double sum = sqrt(square) + sqrt(square + twice);
        return is_below ? twice / sum : sum;
    }

    // The bracket and its sign as a derivative's.
    __device__ double bracket(double h, double t) const {
        const double lower = t - h;
        const bool is_far = is_upper || larger(t - 0.3, distance - 1.5) > 0.0;
        const double first = mills_ratio(is_upper ? lower : is_far ? 0.0 - lower : h);
        if (is_far) {
            const double second = mills_ratio(t + h);
            return is_upper ? 0.0 - (first + second) : first - second;
        }
        const double half_distance = distance * 0.5, square = t * t;
        double before = first, term = t * (1.0 - h * first), sum = term;
#pragma unroll
        for (int order = 2; order < SERIES_END; order++) {
            const double next = (square * before - half_distance * term) * (1.0 / order);
            before = term;
            term = next;
            if (order % 2 == 1) sum = sum + term;
        }
        return sum + sum;
    }

    // One of Householder's steps of third order.
    __device__ double step(double s) const {
        const double h = distance / s, t = s * 0.5;
        const double lower = t - h;
        const double d = bracket(h, t);
        const double log = logarithm(part * 2.5066282746310002 / larger(d, 0.0 - d)) - part_shift;
        const double missing = log + lower * lower * 0.5;
        const double n = s / d;
        const double newton = missing / n;
        const double curve = lower * (0.0 - (h + t));
        const double square_sum = h * h * 3.0 + t * t;
        const double second = curve - n;
        const double third = (n + n - curve * 3.0) * n + curve * curve - square_sum;
        const double bend = (newton * third * (1.0 / 6.0) + second) * newton;
        const double change = newton * (1.0 + newton * second * 0.5) / (1.0 + bend);
        return s + s * change;
    }
};

KERNEL void implied_vol(const double* quotes, double* out, unsigned long long options) {
    const size_t option = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (option >= options) return;
    const double* column = quotes + option;
    const double price = column[0], spot = column[options], strike = column[2 * options];
    const double rate = column[3 * options], dividend = column[4 * options];
    const double expiry = column[5 * options], sign = column[6 * options];

    const double spot_now = spot * exponential(0.0 - dividend * expiry);
    const double strike_now = strike * exponential(0.0 - rate * expiry);
    const double ratio = spot / strike;
    const double x = logarithm(ratio) + (rate - dividend) * expiry;
    const double lowest = larger(sign * (spot_now - strike_now), 0.0);
    const double time_value = price - lowest;
    const double room = (sign > 0.0 ? spot_now : strike_now) - price;
    const Quote quote(x, time_value, room, smaller(spot_now, strike_now));
    double deviation = quote.guess();
    for (int step = 0; step < IMPLIED_STEPS; step++) deviation = quote.step(deviation);

    const bool is_bounded = time_value >= 0.0 && room > 0.0;
    const bool has_logarithm = ratio - SMALLEST_NORMAL > 0.0 && LARGEST_DOUBLE - ratio > 0.0;
    const double vol = time_value > 0.0 ? deviation / sqrt(expiry) : time_value;
    out[option] = is_bounded && has_logarithm ? vol : not_a_number();
}
