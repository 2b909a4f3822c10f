// Simulated options: what a path and its mirror image pay on average, discounted, and what their controls
// do. A thread has one path of one set of terms (its place in the grid's y); all sets walk the same paths.
//
// terms: f64 [sets, 12], in the order of `Terms`; samples, controls: f64 [sets, paths].
#include "philox.cuh"

struct Terms {
    double spot, strike, sign, discount;
    // Of a step of the logarithm.
    double drift, deviation;
    // Of a barrier: the logarithm of barrier over spot, 1 if it lies below or -1, -2 over the variance of
    // a step, the discounts to the middle of the first step and of each step, and the rebate.
    double level, side, scale, first_discount, step_discount, rebate;

    // What an option on `price` pays at expiry, in today's money.
    __device__ double paid(double price) const {
        const double worth = sign * (price - strike);
        return discount * (worth > 0.0 ? worth : 0.0);
    }
};

struct Sample {
    double payoff, control;
};

// The underlying at expiry, which is its own control.
struct AtEnd {
    __device__ explicit AtEnd(const Terms&) {}
    __device__ void see(const Terms&, double, double) {}
    __device__ Sample sample(const Terms& terms, double last, int, int) const {
        const double end = exponential(last) * terms.spot;
        return {terms.paid(end), terms.discount * end};
    }
};

// The means of price over spot at all steps: the geometric one, or the arithmetic one with the geometric
// one as control.
struct Means {
    double ratios = 0.0, logs = 0.0;

    __device__ explicit Means(const Terms&) {}
    __device__ void see(const Terms&, double, double after) {
        ratios = ratios + exponential(after);
        logs = logs + after;
    }
    __device__ Sample sample(const Terms& terms, double, int steps, int is_geometric) const {
        const double reciprocal = 1.0 / static_cast<double>(steps);
        const double geometric = terms.paid(terms.spot * exponential(logs * reciprocal));
        if (is_geometric) return {geometric, 0.0};
        return {terms.paid(terms.spot * (ratios * reciprocal)), geometric};
    }
};

// The underlying at expiry if a barrier was not touched, or was: `watch.rs` has the bridge between steps.
struct Bridge {
    double alive = 1.0, touch = 0.0, discount;

    __device__ explicit Bridge(const Terms& terms) : discount(terms.first_discount) {}
    __device__ void see(const Terms& terms, double before, double after) {
        const double from = (before - terms.level) * terms.side;
        const double to = (after - terms.level) * terms.side;
        const double chance =
            smaller(from, to) > 0.0 ? exponential(from * to * terms.scale) : 1.0;
        const double lost = alive * chance;
        touch = touch + discount * lost;
        alive = alive - lost;
        discount = discount * terms.step_discount;
    }
    __device__ Sample sample(const Terms& terms, double last, int, int is_in) const {
        const double plain = terms.paid(exponential(last) * terms.spot);
        if (is_in) {
            return {(1.0 - alive) * plain + alive * terms.discount * terms.rebate, plain};
        }
        return {alive * plain + touch * terms.rebate, plain};
    }
};

// Walks one path of geometric Brownian motion; the logarithm of price over spot at its end.
template <class W>
__device__ inline double walk(const Draws& draws, const Terms& terms, int steps, W& watch) {
    double sum = 0.0, before = 0.0;
    for (int pair = 0; pair < (steps + 1) / 2; pair++) {
        const Pair numbers = draws.normals(pair, 0);
        const double step = static_cast<double>(2 * pair);
        const double one_sum = sum + numbers.first;
        const double one = (step + 1.0) * terms.drift + terms.deviation * one_sum;
        watch.see(terms, before, one);
        before = one;
        if (2 * pair + 1 >= steps) break;
        sum = one_sum + numbers.second;
        const double two = (step + 2.0) * terms.drift + terms.deviation * sum;
        watch.see(terms, before, two);
        before = two;
    }
    return before;
}

template <class W>
__device__ inline void draw_samples(const double* table, double* samples, double* controls,
                                    unsigned long long paths, unsigned long long first,
                                    unsigned long long seed, int steps, int kind) {
    const size_t path = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (path >= paths) return;
    const Terms terms = reinterpret_cast<const Terms*>(table)[blockIdx.y];
    double payoff = 0.0, control = 0.0;
#pragma unroll 1
    for (int mirrored = 0; mirrored < 2; mirrored++) {
        W watch(terms);
        const double last = walk(Draws(seed, first + path, mirrored), terms, steps, watch);
        const Sample sample = watch.sample(terms, last, steps, kind);
        payoff = mirrored ? (payoff + sample.payoff) * 0.5 : sample.payoff;
        control = mirrored ? (control + sample.control) * 0.5 : sample.control;
    }
    const size_t at = blockIdx.y * static_cast<size_t>(paths) + path;
    samples[at] = payoff;
    controls[at] = control;
}

#define SAMPLE_ARGUMENTS                                                                    \
    const double *terms, double *samples, double *controls, unsigned long long paths,       \
        unsigned long long first, unsigned long long seed, int steps, int kind
#define DRAW(W) draw_samples<W>(terms, samples, controls, paths, first, seed, steps, kind)

KERNEL void option_samples_end(SAMPLE_ARGUMENTS) { DRAW(AtEnd); }
// `kind` is 1 for the geometric mean, 0 for the arithmetic one.
KERNEL void option_samples_mean(SAMPLE_ARGUMENTS) { DRAW(Means); }
// `kind` is 1 for an option that a touch brings to life, 0 for one that it ends.
KERNEL void option_samples_barrier(SAMPLE_ARGUMENTS) { DRAW(Bridge); }
