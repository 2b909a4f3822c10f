// Rolling windows over series without missing values, put together by doubling as in
// `src/cpu/window`: windows of 1, 2, 4, ... values join to those that the digits of `bars` name.
//
// x: f64 [values], series after series; starts: u64 [series + 1], where each begins, and the end of the
// last; out: f64 [outputs, values]. A block computes TILE values of one series (its place in the grid's
// y) in shared memory: (1 + 2 K) (TILE + bars - 1) doubles for K numbers that say of a window what is
// asked. Windows begin `skip` values into a series, and those that are not full answer from `min_bars`
// values on; all outputs before are NaN.
#include "window.cuh"

// `WINDOW_TILE` in `window.rs`.
constexpr int WINDOW_TILE = 512;
// `WINDOW_THREADS` there.
constexpr int WINDOW_THREADS = 256;
constexpr int OUTPUTS_PER_THREAD = WINDOW_TILE / WINDOW_THREADS;

// The windows of one tile: in shared memory the values, the windows of the present size that end at
// each, and those of twice the size while they are made.
template <class A>
struct WindowTile {
    double *x, *present, *next;
    int len;

    __device__ WindowTile(unsigned char* shared, int bars)
        : x(reinterpret_cast<double*>(shared)), len(WINDOW_TILE + bars - 1) {
        present = x + len;
        next = present + A::K * len;
    }

    __device__ static Numbers<A::K> load(const double* from, int at, int len) {
        Numbers<A::K> window;
#pragma unroll
        for (int k = 0; k < A::K; k++) window.of[k] = from[k * len + at];
        return window;
    }

    __device__ static void store(double* to, int at, int len, Numbers<A::K> window) {
#pragma unroll
        for (int k = 0; k < A::K; k++) to[k * len + at] = window.of[k];
    }

    // Windows of one value; `series` has what is before and in the tile, from place `begin` on.
    __device__ void start(const double* series, long long begin, long long count) {
        for (int at = threadIdx.x; at < len; at += blockDim.x) {
            const long long place = begin + at;
            const double value = place >= 0 && place < count ? series[place] : 0.0;
            x[at] = value;
            store(present, at, len, A::one(value));
        }
        __syncthreads();
    }

    // Windows of twice the size.
    __device__ void twice(int size) {
        for (int at = 2 * size - 1 + threadIdx.x; at < len; at += blockDim.x) {
            store(next, at, len,
                  A::join(load(present, at, len), load(present, at - size, len), x[at],
                          x[at - size], size, size));
        }
        __syncthreads();
        double* const made = next;
        next = present;
        present = made;
    }
};

// Which windows are asked for, and the factor of those that are full.
struct Windows {
    int skip, bars, min_bars;
    double factor;
};

template <class A, class F>
__device__ inline void roll(unsigned char* shared, const double* x,
                            const unsigned long long* starts, double* out,
                            unsigned long long values, const Windows& windows, F finish) {
    const int bars = windows.bars;
    unsigned long long start = starts[blockIdx.y];
    const long long length = static_cast<long long>(starts[blockIdx.y + 1] - start);
    const long long skipped = windows.skip < length ? windows.skip : length;
    if (blockIdx.x == 0) {
        for (long long at = threadIdx.x; at < skipped; at += blockDim.x) {
            for (int k = 0; k < F::OUTPUTS; k++) out[k * values + start + at] = not_a_number();
        }
    }
    start += skipped;
    const long long count = length - skipped;
    const long long first = static_cast<long long>(blockIdx.x) * WINDOW_TILE;
    // Whole blocks leave.
    if (first >= count) return;
    WindowTile<A> tile(shared, bars);
    tile.start(x + start, first - (bars - 1), count);
    Numbers<A::K> joined[OUTPUTS_PER_THREAD] = {};
    // The windows that the digits of a window's size name, newest first; near the start it is not full.
    int sizes[OUTPUTS_PER_THREAD], taken[OUTPUTS_PER_THREAD] = {};
#pragma unroll
    for (int i = 0; i < OUTPUTS_PER_THREAD; i++) {
        const long long before = first + i * WINDOW_THREADS + threadIdx.x + 1;
        sizes[i] = before < bars ? static_cast<int>(before) : bars;
    }
    for (int size = 1; size <= bars; size *= 2) {
        if (size > 1) tile.twice(size / 2);
#pragma unroll
        for (int i = 0; i < OUTPUTS_PER_THREAD; i++) {
            if (!(sizes[i] & size)) continue;
            const int at = bars - 1 + i * WINDOW_THREADS + static_cast<int>(threadIdx.x);
            const Numbers<A::K> older = tile.load(tile.present, at - taken[i], tile.len);
            joined[i] = taken[i] == 0 ? older
                                      : A::join(joined[i], older, tile.x[at],
                                                tile.x[at - taken[i]], taken[i], size);
            taken[i] += size;
        }
    }
#pragma unroll
    for (int i = 0; i < OUTPUTS_PER_THREAD; i++) {
        const int at = i * WINDOW_THREADS + static_cast<int>(threadIdx.x);
        const long long place = first + at;
        if (place >= count) continue;
        double* const to = out + start + place;
        if (sizes[i] < windows.min_bars) {
            for (int k = 0; k < F::OUTPUTS; k++) to[k * values] = not_a_number();
        } else {
            const double factor = sizes[i] == bars ? windows.factor : A::factor(sizes[i]);
            finish.write(to, values, joined[i], tile.x[bars - 1 + at], factor);
        }
    }
}

#define WINDOW_ARGUMENTS                                                                       \
    const double *x, const unsigned long long *starts, double *out, unsigned long long values, \
        int skip, int bars, int min_bars, double factor
#define ROLL(A, finish)                                          \
    DYNAMIC_SHARED(shared);                                      \
    const Windows windows{skip, bars, min_bars, factor};         \
    roll<A>(shared, x, starts, out, values, windows, finish)

KERNEL void window_mean(WINDOW_ARGUMENTS) { ROLL(Sum, Scaled{}); }
KERNEL void window_weighted_mean(WINDOW_ARGUMENTS) { ROLL(Weighted, Scaled{}); }
KERNEL void window_min(WINDOW_ARGUMENTS) { ROLL(Smallest, AsIs{}); }
KERNEL void window_max(WINDOW_ARGUMENTS) { ROLL(Largest, AsIs{}); }
KERNEL void window_deviation(WINDOW_ARGUMENTS) { ROLL(Moments, Deviation{}); }
KERNEL void window_z_score(WINDOW_ARGUMENTS) { ROLL(Moments, ZScore{}); }
KERNEL void window_bands(WINDOW_ARGUMENTS, double width) { ROLL(Moments, Bands{width}); }
