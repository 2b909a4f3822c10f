// What a bar's result takes from a few bars of its series, or from other columns at that bar: changes, the
// stochastic, and the signals, a bar a thread. They are the operations of the crate `fillrate`, in
// `src/market/indicators/batch.rs` and `signals.rs`.
//
// Columns are f64 [values], series after series without missing values; starts: u64 [series + 1], where
// each begins, and the end of the last. A block has bars of one series (its place in the grid's y).
#include "bar.cuh"

KERNEL void momentum(const unsigned long long* starts, const double* x, double* out, int bars) {
    const Bar bar(starts);
    if (!bar.is_any) return;
    const double* const series = x + bar.start;
    out[bar.start + bar.at] =
        bar.at < bars ? not_a_number() : series[bar.at] - series[bar.at - bars];
}

KERNEL void rate_of_change(const unsigned long long* starts, const double* x, double* out,
                           int bars) {
    const Bar bar(starts);
    if (!bar.is_any) return;
    const double* const series = x + bar.start;
    double ratio = not_a_number();
    if (bar.at >= bars) {
        const double before = series[bar.at - bars];
        // A ratio to nothing is no number.
        if (before != 0.0) ratio = series[bar.at] / before - 1.0;
    }
    out[bar.start + bar.at] = ratio;
}

// Where a close is between the extremes of its window, in percent; `out` may be one of them.
KERNEL void stochastic_percent(const double* close, const double* lowest, const double* highest,
                               double* out, unsigned long long values) {
    const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (at >= values) return;
    const double low = lowest[at], high = highest[at];
    double percent = not_a_number();
    if (!is_missing(low)) {
        percent = high > low ? 100.0 * (close[at] - low) / (high - low) : 50.0;
    }
    out[at] = percent;
}

// 1 below the range, -1 above it, 0 in it.
__device__ inline double outside(double value, double low, double high) {
    return static_cast<double>(static_cast<int>(value < low) - static_cast<int>(value > high));
}

// `sign` is 1, or -1 where it is what lies above that is bought.
KERNEL void signal_thresholds(const double* x, double* out, unsigned long long values, double sign,
                              double low, double high) {
    const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (at >= values) return;
    const double value = x[at];
    out[at] = is_missing(value) ? not_a_number() : outside(sign * value, low, high);
}

// bands: f64 [3, values], the upper ones, the middle ones, the lower ones.
KERNEL void signal_bands(const double* x, const double* bands, double* out,
                         unsigned long long values) {
    const size_t at = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (at >= values) return;
    const double upper = bands[at], lower = bands[2 * values + at];
    out[at] = is_missing(upper) ? not_a_number() : outside(x[at], lower, upper);
}

// The side that the fast line has come to lie on, where it was last on the other. Only a bar that follows
// bars on which the lines were equal looks back further than one.
KERNEL void signal_crossover(const unsigned long long* starts, const double* fast,
                             const double* slow, double* out) {
    const Bar bar(starts);
    if (!bar.is_any) return;
    const double* const a = fast + bar.start;
    const double* const b = slow + bar.start;
    double signal = not_a_number();
    if (!is_missing(a[bar.at]) && !is_missing(b[bar.at])) {
        const double difference = a[bar.at] - b[bar.at];
        signal = 0.0;
        if (difference != 0.0) {
            double before = 0.0;
            for (long long at = bar.at - 1; at >= 0; at--) {
                before = a[at] - b[at];
                // Nothing is known before the lines begin, and so of no crossing.
                if (before != 0.0) break;
            }
            if (difference > 0.0 && before < 0.0) signal = 1.0;
            if (difference < 0.0 && before > 0.0) signal = -1.0;
        }
    }
    out[bar.start + bar.at] = signal;
}

// The swings that a bar confirms: the signal, then entry, stop and target. out: f64 [4, values].
KERNEL void signal_swing(const unsigned long long* starts, const double* high, const double* low,
                         const double* close, double* out, unsigned long long values, int width,
                         double reward) {
    const Bar bar(starts);
    if (!bar.is_any) return;
    double* const to = out + bar.start + bar.at;
    for (int k = 0; k < 4; k++) to[k * values] = not_a_number();
    const long long middle = bar.at - width, first = middle - width;
    if (first < 0) return;
    const double top = high[bar.start + middle], bottom = low[bar.start + middle];
    bool is_high = true, is_low = true;
    for (long long at = first; at <= bar.at && (is_high || is_low); at++) {
        if (at == middle) continue;
        is_high = is_high && high[bar.start + at] < top;
        is_low = is_low && low[bar.start + at] > bottom;
    }
    to[0] = 0.0;
    if (is_high == is_low) return;
    const double signal = is_high ? -1.0 : 1.0, stop = is_high ? top : bottom;
    const double entry = close[bar.start + bar.at], risk = entry - stop;
    // The close is beyond the stop already.
    if (risk * signal <= 0.0) return;
    to[0] = signal;
    to[values] = entry;
    to[2 * values] = stop;
    to[3 * values] = entry + reward * risk;
}
