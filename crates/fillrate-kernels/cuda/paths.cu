// Where paths of prices end, a path a thread: the motions of `src/cpu/paths/motion.rs`.
//
// out: f64 [paths], the prices at the last step of the paths from `first` on, or of their mirror
// images. A pair of steps takes one block of Philox from each stream it needs.
#include "philox.cuh"

// The streams of the numbers that move prices, of a second factor, and of the sizes of jumps.
constexpr unsigned PRICE_STREAM = 0, SECOND_STREAM = 1, SIZE_STREAM = 2;

__device__ inline size_t path_of_thread() {
    return static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// The sum of the normal numbers of all steps of one stream.
__device__ inline double sum_of_normals(const Draws& draws, int steps, unsigned stream) {
    double sum = 0.0;
    for (int pair = 0; pair < steps / 2; pair++) {
        const Pair numbers = draws.normals(pair, stream);
        sum = sum + numbers.first + numbers.second;
    }
    return steps % 2 ? sum + draws.normals(steps / 2, stream).first : sum;
}

// Geometric Brownian motion: `drift` and `deviation` are those of a step of the logarithm.
KERNEL void path_ends_brownian(double* out, unsigned long long paths, unsigned long long first,
                               unsigned long long seed, int steps, int mirrored, double spot,
                               double drift, double deviation) {
    const size_t path = path_of_thread();
    if (path >= paths) return;
    const double sum = sum_of_normals(Draws(seed, first + path, mirrored), steps, PRICE_STREAM);
    out[path] = exponential(static_cast<double>(steps) * drift + deviation * sum) * spot;
}

// With normal jumps of the logarithm. at_most: f64 [counts], the probabilities of at most 0, 1, 2, ...
// jumps in a step.
struct Jumps {
    const double* at_most;
    int counts;
    double drift, deviation, mean, vol;

    __device__ double step(double x, double price, double uniform, double size) const {
        double jumps = 0.0;
        for (int count = 0; count < counts; count++) {
            jumps = jumps + (uniform - at_most[count] > 0.0 ? 1.0 : 0.0);
        }
        const double jump = jumps * mean + sqrt(jumps) * vol * size;
        return x + (drift + deviation * price) + jump;
    }
};

KERNEL void path_ends_merton(double* out, unsigned long long paths, unsigned long long first,
                             unsigned long long seed, int steps, int mirrored, double spot,
                             const double* at_most, int counts, double drift, double deviation,
                             double jump_mean, double jump_vol) {
    const size_t path = path_of_thread();
    if (path >= paths) return;
    const Draws draws(seed, first + path, mirrored);
    const Jumps jumps{at_most, counts, drift, deviation, jump_mean, jump_vol};
    double x = 0.0;
    for (int pair = 0; pair < (steps + 1) / 2; pair++) {
        const Pair prices = draws.normals(pair, PRICE_STREAM);
        const Pair uniforms = draws.uniforms(pair, SECOND_STREAM);
        const Pair sizes = draws.normals(pair, SIZE_STREAM);
        x = jumps.step(x, prices.first, uniforms.first, sizes.first);
        if (2 * pair + 1 < steps) x = jumps.step(x, prices.second, uniforms.second, sizes.second);
    }
    out[path] = exponential(x) * spot;
}

// Heston's variance by full truncation: where it would be below 0, it drifts as if it were 0.
struct Truncated {
    double drift, years, root_years, pull, variance_mean, shared, own;

    __device__ void step(double& x, double& variance, double price, double other) const {
        const double positive = larger(variance, 0.0);
        const double deviation = sqrt(positive) * root_years;
        const double moved = drift - positive * (0.5 * years);
        const double pulled = (variance_mean - positive) * pull;
        const double noise = price * shared + other * own;
        x = x + moved + deviation * price;
        variance = variance + pulled + deviation * noise;
    }
};

KERNEL void path_ends_heston(double* out, unsigned long long paths, unsigned long long first,
                             unsigned long long seed, int steps, int mirrored, double spot,
                             double variance, double drift, double years, double root_years,
                             double pull, double variance_mean, double shared, double own) {
    const size_t path = path_of_thread();
    if (path >= paths) return;
    const Draws draws(seed, first + path, mirrored);
    const Truncated motion{drift, years, root_years, pull, variance_mean, shared, own};
    double x = 0.0;
    for (int pair = 0; pair < (steps + 1) / 2; pair++) {
        const Pair prices = draws.normals(pair, PRICE_STREAM);
        const Pair others = draws.normals(pair, SECOND_STREAM);
        motion.step(x, variance, prices.first, others.first);
        if (2 * pair + 1 < steps) motion.step(x, variance, prices.second, others.second);
    }
    out[path] = exponential(x) * spot;
}

// The worth of a basket. terms: f64 [3, assets], of each asset its worth now, the drift of its
// logarithm over all steps, and the deviation of one step; mixing: f64 [assets, assets], of which the
// lower triangle mixes the sums of the assets' normal numbers; sums: f64 [assets, paths], for these.
KERNEL void basket_ends(double* out, unsigned long long paths, unsigned long long first,
                        unsigned long long seed, int steps, int mirrored, const double* terms,
                        const double* mixing, double* sums, int assets) {
    const size_t path = path_of_thread();
    if (path >= paths) return;
    const Draws draws(seed, first + path, mirrored);
    double* own = sums + path;
    double total = 0.0;
    for (int asset = 0; asset < assets; asset++) {
        own[asset * paths] = sum_of_normals(draws, steps, static_cast<unsigned>(asset));
        double mixed = 0.0;
        for (int other = 0; other <= asset; other++) {
            mixed = mixed + own[other * paths] * mixing[static_cast<size_t>(asset) * assets + other];
        }
        const double x = terms[assets + asset] + mixed * terms[2 * assets + asset];
        total = total + exponential(x) * terms[asset];
    }
    out[path] = total;
}
