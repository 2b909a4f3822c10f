// Windows that do not fit a block's shared memory: the joins of `window.cu` over columns of all values, a value
// a thread and a launch for windows of 1, 2, 4, ... values.
//
// Columns are f64 [values], series after series; what windows come to is f64 [K, values]. Windows begin `skip`
// values into a series, and those that are not full answer from `min_bars` values on.
#include "bar.cuh"
#include "window.cuh"

// Calls `work` with the aggregate and the finish of an op; `window.rs` numbers them.
template <class Work>
__device__ inline void of_window(int op, double width, Work work) {
    switch (op) {
        case 0: return work(Sum{}, Scaled{});
        case 1: return work(Weighted{}, Scaled{});
        case 2: return work(Smallest{}, AsIs{});
        case 3: return work(Largest{}, AsIs{});
        case 4: return work(Moments{}, Deviation{});
        case 5: return work(Moments{}, ZScore{});
        default: return work(Moments{}, Bands{width});
    }
}

template <class A>
__device__ inline Numbers<A::K> window_at(const double* windows, size_t at,
                                          unsigned long long values) {
    Numbers<A::K> window;
    for (int k = 0; k < A::K; k++) window.of[k] = windows[k * values + at];
    return window;
}

template <class A>
__device__ inline void put_window(double* windows, size_t at, unsigned long long values,
                                  const Numbers<A::K>& window) {
    for (int k = 0; k < A::K; k++) windows[k * values + at] = window.of[k];
}

// One value's part of a level. `before` is the values of its series up to it.
struct Level {
    const double *x, *present;
    double *next, *joined;
    size_t at;
    unsigned long long values;
    long long before;
    int bars, size;

    // The window of `size` values; those of one value are not stored.
    template <class A>
    __device__ Numbers<A::K> window(size_t at) const {
        return size == 1 ? A::one(x[at]) : window_at<A>(present, at, values);
    }

    template <class A, class F>
    __device__ void operator()(A, F) const {
        const int full = before < bars ? static_cast<int>(before) : bars;
        if (full & size) {
            const int taken = full & (size - 1);
            const Numbers<A::K> older = window<A>(at - taken);
            put_window<A>(joined, at, values,
                          taken == 0 ? older
                                     : A::join(window_at<A>(joined, at, values), older, x[at],
                                               x[at - taken], taken, size));
        }
        if (full >= 2 * size) {
            put_window<A>(next, at, values,
                          A::join(window<A>(at), window<A>(at - size), x[at], x[at - size], size,
                                  size));
        }
    }
};

// Puts windows of `size` values, `present`, before those in `joined` where the digits of the window asked for
// name them, and makes those of twice the size, `next`.
KERNEL void long_window_level(const unsigned long long* starts, const double* x,
                              const double* present, double* next, double* joined,
                              unsigned long long values, int skip, int bars, int size, int op) {
    const Bar bar(starts);
    const long long before = bar.at - skip + 1;
    if (!bar.is_any || before < size) return;
    const size_t at = bar.start + bar.at;
    of_window(op, 0.0, Level{x, present, next, joined, at, values, before, bars, size});
}

// One value's outputs.
struct Outputs {
    const double *x, *joined;
    double* out;
    size_t at;
    unsigned long long values;
    long long before;
    int bars, min_bars;
    double factor;

    template <class A, class F>
    __device__ void operator()(A, F finish) const {
        if (before < min_bars) {
            for (int k = 0; k < F::OUTPUTS; k++) out[k * values + at] = not_a_number();
            return;
        }
        const int full = before < bars ? static_cast<int>(before) : bars;
        finish.write(out + at, values, window_at<A>(joined, at, values), x[at],
                     full == bars ? factor : A::factor(full));
    }
};

KERNEL void long_window_finish(const unsigned long long* starts, const double* x,
                               const double* joined, double* out, unsigned long long values,
                               int skip, int bars, int min_bars, double factor, double width,
                               int op) {
    const Bar bar(starts);
    if (!bar.is_any) return;
    const size_t at = bar.start + bar.at;
    const long long before = bar.at - skip + 1;
    of_window(op, width, Outputs{x, joined, out, at, values, before, bars, min_bars, factor});
}
