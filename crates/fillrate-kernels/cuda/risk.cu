// What risk figures are made of: `src/cpu/risk`, operation by operation.
//
// Series lie one after another in `paths`, f64 [prices + dates + 1], the mean of all as the last of them;
// starts: u64 [series + 1], where each begins, and the end of the last. The return that ends with a price
// has the price's place in `returns`. A sum over a series is 32 sums, a lane of a warp each, added up as a
// tree. out: f64 [series, 17], in the order of `RiskSums`.
#include "bar.cuh"

// `RISK_SUMS` in `src/cpu/risk/mod.rs`.
constexpr int RISK_SUMS = 17;

// The 64 bits that a lane has.
__device__ inline unsigned long long bits_of_lane(unsigned long long bits, int lane) {
    const unsigned low = __shfl_sync(ALL_LANES, static_cast<unsigned>(bits), lane);
    const unsigned high = __shfl_sync(ALL_LANES, static_cast<unsigned>(bits >> 32), lane);
    return static_cast<unsigned long long>(high) << 32 | low;
}

__device__ inline unsigned long long bits_of(double value) {
    return static_cast<unsigned long long>(__double_as_longlong(value));
}

__device__ inline double of_lane(double value, int lane) {
    return __longlong_as_double(static_cast<long long>(bits_of_lane(bits_of(value), lane)));
}

// The value of the lane whose number differs in one bit.
__device__ inline double beside(double value, int distance) {
    return of_lane(value, lane_of_warp() ^ distance);
}

// The sum over the warp, in every lane.
__device__ inline double tree_sum(double sum) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) sum = sum + beside(sum, distance);
    return sum;
}

// The returns of a warp's series.
struct WarpSeries {
    int series;
    bool is_any;
    unsigned long long start;
    // Of its prices; there is one return less.
    long long prices;

    __device__ WarpSeries(const unsigned long long* starts, int count)
        : series(static_cast<int>(thread_of_grid() / WARP)), start(0), prices(0) {
        is_any = series < count;
        if (!is_any) return;
        start = starts[series];
        prices = static_cast<long long>(starts[series + 1] - start);
    }

    __device__ long long returns() const { return prices > 0 ? prices - 1 : 0; }
};

// When returns are: `RiskDates`. A series has them at every date from dates[series] on, or (`is_each`) the
// one that ends with a price at the date of that; the last series has one at every date.
struct ReturnDates {
    const unsigned* dates;
    int last, is_each;

    __device__ unsigned long long of(const WarpSeries& own, long long at) const {
        if (own.series == last) return at;
        return is_each ? dates[own.start + 1 + at] : dates[own.series] + at;
    }

    // Which return of a series is at a date; -1 if none is.
    __device__ long long place(const unsigned long long* starts, int series, long long date) const {
        const unsigned long long start = starts[series];
        const long long count = static_cast<long long>(starts[series + 1] - start) - 1;
        if (count <= 0) return -1;
        if (!is_each) {
            const long long at = date - dates[series];
            return at >= 0 && at < count ? at : -1;
        }
        const unsigned* const own = dates + start + 1;
        const long long first = own[0], last_date = own[count - 1];
        if (date < first || date > last_date) return -1;
        // Dates rise by at least one, which leaves few places where few are missing.
        long long low = count - 1 - (last_date - date), high = date - first;
        low = low > 0 ? low : 0;
        high = high < count - 1 ? high : count - 1;
        while (low < high) {
            const long long middle = (low + high) / 2;
            if (own[middle] < date) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return own[low] == date ? low : -1;
    }
};

// The simple returns of series, a price a thread.
KERNEL void risk_returns(const unsigned long long* starts, const double* paths, double* returns) {
    const Bar bar(starts);
    if (!bar.is_any || bar.at == 0) return;
    const double* const price = paths + bar.start + bar.at;
    returns[bar.start + bar.at] = price[0] / price[-1] - 1.0;
}

// The mean of the returns at each date, a date a thread. to: f64 [dates].
KERNEL void risk_means(const double* returns, const unsigned long long* starts,
                       const unsigned* dates, double* to, unsigned long long count, int symbols,
                       int is_each) {
    const unsigned long long date = thread_of_grid();
    if (date >= count) return;
    const ReturnDates when{dates, symbols, is_each};
    double sum = 0.0;
    long long known = 0;
    for (int symbol = 0; symbol < symbols; symbol++) {
        const long long at = when.place(starts, symbol, static_cast<long long>(date));
        if (at < 0) continue;
        sum = sum + returns[starts[symbol] + 1 + at];
        known++;
    }
    to[date] = sum / static_cast<double>(known);
}

// The value that begins with 1 and has these returns, by one warp. path: f64 [count + 1].
KERNEL void risk_path(const double* returns, double* path, unsigned long long count) {
    const int lane = lane_of_warp();
    double value = 1.0;
    if (lane == 0) path[0] = value;
    for (unsigned long long first = 0; first < count; first += WARP) {
        const unsigned long long at = first + lane;
        const double own = at < count ? returns[at] : 0.0;
        double kept = 0.0;
        for (int other = 0; other < WARP; other++) {
            value = value * (1.0 + of_lane(own, other));
            kept = other == lane ? value : kept;
        }
        if (at < count) path[at + 1] = kept;
    }
}

// ln(1 + r), in place.
KERNEL void risk_logarithms(double* returns, unsigned long long count) {
    const unsigned long long at = thread_of_grid();
    if (at >= count) return;
    const double infinity = __longlong_as_double(0x7ff0000000000000LL);
    const double ratio = returns[at] + 1.0;
    const double ln = ratio > 0.0 ? logarithm(ratio) : 0.0 - infinity;
    returns[at] = ratio - 1.7976931348623157e308 > 0.0 ? infinity : ln;
}

// The returns of a series date by date, NaN where it has none. row: f64 [dates].
KERNEL void risk_benchmark(const double* returns, const unsigned long long* starts,
                           const unsigned* dates, double* row, unsigned long long count, int symbols,
                           int is_each, int series) {
    const unsigned long long date = thread_of_grid();
    if (date >= count) return;
    const ReturnDates when{dates, symbols, is_each};
    const long long at = when.place(starts, series, static_cast<long long>(date));
    row[date] = at < 0 ? not_a_number() : returns[starts[series] + 1 + at];
}

// Sums, shortfalls, exponential squares and powers of deviations, a warp a series.
KERNEL void risk_moments(const double* returns, const unsigned long long* starts, double* out,
                         int series, double rate, double decay, double first_weight) {
    const WarpSeries own(starts, series);
    if (!own.is_any) return;
    const long long count = own.returns();
    const double* const x = returns + own.start + 1;
    const int lane = lane_of_warp();
    double powers[6] = {decay};
    for (int i = 1; i < 6; i++) powers[i] = powers[i - 1] * powers[i - 1];
    double total = 0.0, downside = 0.0;
    double decayed = lane == 0 && count > 0 ? x[0] * x[0] * first_weight : 0.0;
    for (long long at = lane; at - lane < count; at += WARP) {
        const bool is_known = at < count;
        const double value = is_known ? x[at] : 0.0;
        const double lacking = is_known ? smaller(value - rate, 0.0) : 0.0;
        total = total + value;
        decayed = decayed * powers[5] + value * value;
        downside = downside + lacking * lacking;
    }
    total = tree_sum(total);
    downside = tree_sum(downside);
    // The last of the sums is the newest.
    for (int i = 4; i >= 0; i--) decayed = decayed * powers[i] + beside(decayed, 1 << i);
    const double mean = total / static_cast<double>(count);
    double squares = 0.0, cubes = 0.0, fourths = 0.0;
    for (long long at = lane; at < count; at += WARP) {
        const double deviation = x[at] - mean, square = deviation * deviation;
        squares = squares + square;
        cubes = cubes + square * deviation;
        fourths = fourths + square * square;
    }
    squares = tree_sum(squares);
    cubes = tree_sum(cubes);
    fourths = tree_sum(fourths);
    if (lane > 0) return;
    double* const to = out + static_cast<size_t>(own.series) * RISK_SUMS;
    to[0] = total, to[1] = downside, to[2] = decayed;
    to[3] = squares, to[4] = cubes, to[5] = fourths;
    // Those of the tail, which is not always asked for.
    to[10] = 0.0, to[11] = 0.0, to[12] = 0.0;
}

// Products of deviations from the means, of the returns that the benchmark has too; a warp a series.
KERNEL void risk_products(const double* returns, const unsigned long long* starts,
                          const unsigned* dates, const double* row, double* out, int series,
                          int is_each) {
    const WarpSeries own(starts, series);
    if (!own.is_any) return;
    const ReturnDates when{dates, series - 1, is_each};
    const long long count = own.returns();
    const double* const x = returns + own.start + 1;
    double x_sum = 0.0, y_sum = 0.0, known = 0.0;
    for (long long at = lane_of_warp(); at < count; at += WARP) {
        const double y = row[when.of(own, at)];
        if (is_missing(y)) continue;
        x_sum = x_sum + x[at];
        y_sum = y_sum + y;
        known = known + 1.0;
    }
    known = tree_sum(known);
    const double x_mean = tree_sum(x_sum) / known, y_mean = tree_sum(y_sum) / known;
    double x_x = 0.0, x_y = 0.0, y_y = 0.0;
    for (long long at = lane_of_warp(); at < count; at += WARP) {
        const double y = row[when.of(own, at)];
        if (is_missing(y)) continue;
        const double a = x[at] - x_mean, b = y - y_mean;
        x_x = x_x + a * a;
        x_y = x_y + a * b;
        y_y = y_y + b * b;
    }
    x_x = tree_sum(x_x);
    x_y = tree_sum(x_y);
    y_y = tree_sum(y_y);
    if (lane_of_warp() > 0) return;
    double* const to = out + static_cast<size_t>(own.series) * RISK_SUMS;
    to[6] = known;
    to[7] = x_x, to[8] = x_y, to[9] = y_y;
}

// The deepest fall, and the growth; a warp a series.
KERNEL void risk_falls(const double* paths, const unsigned long long* starts, double* out, int series) {
    const WarpSeries own(starts, series);
    if (!own.is_any) return;
    const double* const path = paths + own.start;
    const int lane = lane_of_warp();
    double highest = own.prices > 0 ? path[0] : 0.0;
    double least = 1.0, trough = 0.0, level = highest;
    for (long long at = lane; at - lane < own.prices; at += WARP) {
        const bool is_known = at < own.prices;
        double top = is_known ? path[at] : highest;
        for (int distance = 1; distance < WARP; distance *= 2) {
            const double before = of_lane(top, lane - distance);
            if (lane >= distance) top = larger(before, top);
        }
        top = larger(highest, top);
        highest = of_lane(top, WARP - 1);
        const double ratio = is_known ? path[at] / top : 1.0;
        if (ratio < least) least = ratio, trough = static_cast<double>(at), level = top;
    }
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        const double other = beside(least, distance);
        const double place = beside(trough, distance), top = beside(level, distance);
        if (other < least || (other == least && place < trough)) {
            least = other, trough = place, level = top;
        }
    }
    // The first place at which the highest price stood.
    double peak = trough;
    for (long long at = lane; static_cast<double>(at - lane) < trough; at += WARP) {
        const bool is_there = at < own.prices && path[at] >= level;
        double first = is_there ? static_cast<double>(at) : trough;
        for (int distance = WARP / 2; distance > 0; distance /= 2) {
            first = smaller(first, beside(first, distance));
        }
        peak = smaller(first, peak);
        if (peak < trough) break;
    }
    if (lane > 0) return;
    double* const to = out + static_cast<size_t>(own.series) * RISK_SUMS + 13;
    to[0] = least, to[1] = peak, to[2] = trough;
    to[3] = own.prices > 1 ? path[own.prices - 1] / path[0] : 0.0;
}

// Bits that are ordered as doubles are, those below 0 first.
__device__ inline unsigned long long key_of(double value) {
    const unsigned long long bits = bits_of(value), sign = 1ull << 63;
    return bits & sign ? ~bits : bits | sign;
}

__device__ inline double of_key(unsigned long long key) {
    const unsigned long long sign = 1ull << 63;
    return __longlong_as_double(static_cast<long long>(key & sign ? key ^ sign : ~key));
}

// A block's number of something, in every thread. shared: u64 [warps].
__device__ inline unsigned long long block_count(unsigned count, unsigned long long* shared) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        count += __shfl_xor_sync(ALL_LANES, count, distance);
    }
    if (lane_of_warp() == 0) shared[warp_of_block()] = count;
    __syncthreads();
    unsigned long long sum = 0;
    for (int warp = 0; warp < warps_of_block(); warp++) sum += shared[warp];
    __syncthreads();
    return sum;
}

// A block's least key, in every thread. shared: u64 [warps].
__device__ inline unsigned long long block_least(unsigned long long key, unsigned long long* shared) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        const unsigned long long other = bits_of_lane(key, lane_of_warp() ^ distance);
        key = other < key ? other : key;
    }
    if (lane_of_warp() == 0) shared[warp_of_block()] = key;
    __syncthreads();
    for (int warp = 0; warp < warps_of_block(); warp++) {
        key = shared[warp] < key ? shared[warp] : key;
    }
    __syncthreads();
    return key;
}

// The returns of a block's series at a place of the sorted ones, bit by bit, and the one after it.
__device__ inline void around(const double* x, long long count, unsigned long long place,
                              unsigned long long* shared, double& one, double& other) {
    unsigned long long key = 0;
    for (int bit = 63; bit >= 0; bit--) {
        const unsigned long long trial = key | 1ull << bit;
        unsigned below = 0;
        for (long long at = threadIdx.x; at < count; at += blockDim.x) below += key_of(x[at]) < trial;
        if (block_count(below, shared) <= place) key = trial;
    }
    unsigned through = 0;
    unsigned long long next = ~0ull;
    for (long long at = threadIdx.x; at < count; at += blockDim.x) {
        const unsigned long long of = key_of(x[at]);
        through += of <= key;
        if (of > key && of < next) next = of;
    }
    const unsigned long long known = block_count(through, shared);
    next = block_least(next, shared);
    one = of_key(key);
    // The last has none after it.
    const bool is_same = known > place + 1 || place + 1 >= static_cast<unsigned long long>(count);
    other = of_key(is_same ? key : next);
}

// The quantile of the returns, their sum up to it and their number, a block a series. Shared memory: a u64 a
// warp.
KERNEL void risk_tails(const double* returns, const unsigned long long* starts, double* out,
                       double share) {
    DYNAMIC_SHARED(bytes);
    unsigned long long* const shared = reinterpret_cast<unsigned long long*>(bytes);
    const unsigned long long start = starts[blockIdx.x];
    const long long count = static_cast<long long>(starts[blockIdx.x + 1] - start) - 1;
    if (count <= 0) return;
    const double* const x = returns + start + 1;
    const double place = static_cast<double>(count - 1) * share, low = floor(place);
    double one, other;
    around(x, count, static_cast<unsigned long long>(low), shared, one, other);
    if (warp_of_block() > 0) return;
    const double quantile = one + (other - one) * (place - low);
    double sum = 0.0, known = 0.0;
    const bool is_finite = quantile - quantile == 0.0;
    for (long long at = lane_of_warp(); is_finite && at < count; at += WARP) {
        if (x[at] > quantile) continue;
        sum = sum + x[at];
        known = known + 1.0;
    }
    sum = tree_sum(sum);
    known = tree_sum(known);
    if (lane_of_warp() > 0) return;
    double* const to = out + static_cast<size_t>(blockIdx.x) * RISK_SUMS + 10;
    to[0] = quantile;
    to[1] = is_finite ? sum : quantile;
    to[2] = is_finite ? known : 1.0;
}
