// What is said of many samples together: moments of chunks, which the processor joins as a tree, and which
// samples lie near a quantile.
#include "doubles.cuh"

// Means and sums of products of deviations of samples and of their controls, a chunk a thread, sample after
// sample as in `fillrate`'s `src/market/montecarlo/statistics.rs`.
//
// samples, controls: f64 [sets, samples]; where there are no controls they are 0. out: f64 [sets, chunks, 5]:
// both means, then the sums for the sample, for both, for the control.
KERNEL void chunk_moments(const double* samples, const double* controls, double* out,
                          unsigned long long count, unsigned long long sets, int chunk) {
    const size_t chunks = (count + chunk - 1) / chunk;
    const size_t thread = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (thread >= chunks * sets) return;
    const size_t first = thread % chunks * chunk, start = thread / chunks * count + first;
    const size_t len = count - first < static_cast<size_t>(chunk) ? count - first : chunk;
    const double* const x = samples + start;
    const double* const y = controls ? controls + start : nullptr;
    // What Rust's sums start from, so that nothing but zeros below 0 stays below.
    double x_mean = -0.0, y_mean = -0.0;
    for (size_t at = 0; at < len; at++) {
        x_mean = x_mean + x[at];
        y_mean = y_mean + (y ? y[at] : 0.0);
    }
    x_mean = x_mean / static_cast<double>(len);
    y_mean = y_mean / static_cast<double>(len);
    double x_x = 0.0, x_y = 0.0, y_y = 0.0;
    for (size_t at = 0; at < len; at++) {
        const double a = x[at] - x_mean, b = (y ? y[at] : 0.0) - y_mean;
        x_x = x_x + a * a;
        x_y = x_y + a * b;
        y_y = y_y + b * b;
    }
    double* const to = out + thread * 5;
    to[0] = x_mean, to[1] = y_mean;
    to[2] = x_x, to[3] = x_y, to[4] = y_y;
}

// The means of pairs: of paths and their mirror images.
KERNEL void pair_means(const double* a, const double* b, double* out, unsigned long long count) {
    const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (at < count) out[at] = (a[at] + b[at]) * 0.5;
}

// The values within some ranges, in any order, and how many lie below each range.
//
// ranges: f64 [2, ranges], their lower ends and their upper ends, which belong to them; counts: u64
// [ranges + 1], 0 before: the values below each range, and those that were kept.
KERNEL void select_ranges(const double* x, const double* ranges, double* kept,
                          unsigned long long* counts, unsigned long long values, int range_count) {
    const size_t threads = static_cast<size_t>(gridDim.x) * blockDim.x;
    const size_t thread = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const double* const upper = ranges + range_count;
    unsigned long long inside = 0;
    for (int range = 0; range < range_count; range++) {
        unsigned long long below = 0;
        for (size_t at = thread; at < values; at += threads) {
            below += x[at] < ranges[range];
            inside += x[at] >= ranges[range] && x[at] <= upper[range];
        }
        if (below > 0) atomicAdd(counts + range, below);
    }
    if (inside == 0) return;
    unsigned long long place = atomicAdd(counts + range_count, inside);
    for (size_t at = thread; at < values; at += threads) {
        const double value = x[at];
        bool is_inside = false;
        for (int range = 0; range < range_count; range++) {
            is_inside = is_inside || (value >= ranges[range] && value <= upper[range]);
        }
        if (is_inside) kept[place++] = value;
    }
}
