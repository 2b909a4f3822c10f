// Recursive averages over series without missing values: y <- beta y + alpha s, eight steps at once as
// in `src/cpu/recurrence`. Eight threads have a series, each every eighth value.
//
// Columns are f64 [values], series after series; starts: u64 [series + 1], where each begins, and the
// end of the last; out: f64 [values], NaN before the seed.
#include "doubles.cuh"

constexpr int STEPS = 8;

// The factors of an average: its weight of a new value, and powers of 1 less it.
struct Factors {
    double alpha, beta, beta_2, beta_4, beta_8;

    __device__ explicit Factors(double weight) : alpha(weight), beta(1.0 - weight) {
        beta_2 = beta * beta;
        beta_4 = beta_2 * beta_2;
        beta_8 = beta_4 * beta_4;
    }
};

// What is averaged: terms made of the columns of one series.
struct Same {
    const double* x;
    __device__ double term(long long at) const { return x[at]; }
};

struct Gains {
    const double* x;
    __device__ double term(long long at) const { return larger(x[at] - x[at - 1], 0.0); }
};

struct Losses {
    const double* x;
    __device__ double term(long long at) const {
        const double change = x[at] - x[at - 1];
        return larger(change, 0.0) - change;
    }
};

struct Ranges {
    const double *high, *low, *close;
    __device__ double term(long long at) const {
        return larger(high[at], close[at - 1]) - smaller(low[at], close[at - 1]);
    }
};

// One average: seeded at `seed_at` with the mean of the `bars` terms up to there.
template <class S>
struct Average {
    S source;
    Factors factors;

    // The value `lane` places after the seed, below eight.
    __device__ double first(long long seed_at, int bars, int lane) const {
        double sum = 0.0;
        for (long long at = seed_at + 1 - bars; at <= seed_at; at++) sum = sum + source.term(at);
        double y = sum / static_cast<double>(bars);
        for (int step = 1; step <= lane; step++) {
            y = factors.beta * y + factors.alpha * source.term(seed_at + step);
        }
        return y;
    }

    // The sum of the last eight terms, by doubling.
    __device__ double last_terms(long long at) const {
        double sums[STEPS];
#pragma unroll
        for (int i = 0; i < STEPS; i++) sums[i] = source.term(at - i) * factors.alpha;
#pragma unroll
        for (int i = 0; i < STEPS; i += 2) sums[i] = sums[i] + sums[i + 1] * factors.beta;
#pragma unroll
        for (int i = 0; i < STEPS; i += 4) sums[i] = sums[i] + sums[i + 2] * factors.beta_2;
        return sums[0] + sums[4] * factors.beta_4;
    }

    __device__ double next(double y, long long at) const {
        return last_terms(at) + y * factors.beta_8;
    }
};

// The series of a thread and its place among the eight.
struct Lane {
    unsigned long long start;
    long long count;
    int lane;
    bool is_any;

    __device__ Lane(const unsigned long long* starts, int series) : start(0), count(0) {
        const size_t thread = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
        lane = static_cast<int>(thread % STEPS);
        is_any = thread / STEPS < static_cast<size_t>(series);
        if (!is_any) return;
        start = starts[thread / STEPS];
        count = static_cast<long long>(starts[thread / STEPS + 1] - start);
    }

    // Writes NaN before the seed.
    __device__ void warm_up(double* out, long long seed_at) const {
        const long long end = seed_at < count ? seed_at : count;
        for (long long at = lane; at < end; at += STEPS) out[at] = not_a_number();
    }
};

// The exponential average, which begins `skip` values into each series.
KERNEL void ema(const double* x, const unsigned long long* starts, double* out, int series, int skip,
                int bars, double alpha) {
    const Lane lane(starts, series);
    if (!lane.is_any) return;
    const long long seed_at = static_cast<long long>(skip) + bars - 1;
    double* const to = out + lane.start;
    lane.warm_up(to, seed_at);
    long long at = seed_at + lane.lane;
    if (at >= lane.count) return;
    const Average<Same> average{{x + lane.start}, Factors(alpha)};
    double y = average.first(seed_at, bars, lane.lane);
    to[at] = y;
    for (at += STEPS; at < lane.count; at += STEPS) {
        y = average.next(y, at);
        to[at] = y;
    }
}

// The fast exponential average less the slow one, both seeded where the slow one is.
KERNEL void macd_line(const double* x, const unsigned long long* starts, double* out, int series,
                      int fast_bars, int slow_bars, double fast_alpha, double slow_alpha) {
    const Lane lane(starts, series);
    if (!lane.is_any) return;
    const long long seed_at = slow_bars - 1;
    double* const to = out + lane.start;
    lane.warm_up(to, seed_at);
    long long at = seed_at + lane.lane;
    if (at >= lane.count) return;
    const Average<Same> fast{{x + lane.start}, Factors(fast_alpha)};
    const Average<Same> slow{{x + lane.start}, Factors(slow_alpha)};
    double a = fast.first(seed_at, fast_bars, lane.lane);
    double b = slow.first(seed_at, slow_bars, lane.lane);
    to[at] = a - b;
    for (at += STEPS; at < lane.count; at += STEPS) {
        a = fast.next(a, at);
        b = slow.next(b, at);
        to[at] = a - b;
    }
}

__device__ inline double strength(double gain, double loss) {
    const double both = gain + loss;
    return both > 0.0 ? gain * 100.0 / both : 50.0;
}

// Wilder's relative strength index.
KERNEL void rsi(const double* x, const unsigned long long* starts, double* out, int series, int bars,
                double alpha) {
    const Lane lane(starts, series);
    if (!lane.is_any) return;
    const long long seed_at = bars;
    double* const to = out + lane.start;
    lane.warm_up(to, seed_at);
    long long at = seed_at + lane.lane;
    if (at >= lane.count) return;
    const Average<Gains> gains{{x + lane.start}, Factors(alpha)};
    const Average<Losses> losses{{x + lane.start}, Factors(alpha)};
    double gain = gains.first(seed_at, bars, lane.lane);
    double loss = losses.first(seed_at, bars, lane.lane);
    to[at] = strength(gain, loss);
    for (at += STEPS; at < lane.count; at += STEPS) {
        gain = gains.next(gain, at);
        loss = losses.next(loss, at);
        to[at] = strength(gain, loss);
    }
}

// Wilder's average true range.
KERNEL void atr(const double* high, const double* low, const double* close,
                const unsigned long long* starts, double* out, int series, int bars, double alpha) {
    const Lane lane(starts, series);
    if (!lane.is_any) return;
    const long long seed_at = bars;
    double* const to = out + lane.start;
    lane.warm_up(to, seed_at);
    long long at = seed_at + lane.lane;
    if (at >= lane.count) return;
    const Ranges ranges{high + lane.start, low + lane.start, close + lane.start};
    const Average<Ranges> average{ranges, Factors(alpha)};
    double y = average.first(seed_at, bars, lane.lane);
    to[at] = y;
    for (at += STEPS; at < lane.count; at += STEPS) {
        y = average.next(y, at);
        to[at] = y;
    }
}
