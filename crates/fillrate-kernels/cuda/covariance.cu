// Sums over the returns of many symbols: covariances of windows, and returns of portfolios.
//
// returns: f64 [symbols, dates]; windows: u64 [windows, 2], the first date of each and how many it has. A
// sum over dates is eight sums as in `src/cpu/covariance.rs`, each of every eighth date from its own on,
// added up in their order.
#include "doubles.cuh"

// `SUMS` in `src/cpu/covariance.rs`.
constexpr int DATE_SUMS = 8;
// `COVARIANCE_SIDE` and `COVARIANCE_DATES` in `src/cuda/prices/covariance.rs`: the symbols on each side of
// a block's tile, a thread for each pair, and the dates that are in shared memory at a time.
constexpr int COVARIANCE_SIDE = 16;
constexpr int COVARIANCE_DATES = 32;
// One more, so that the symbols of a date lie in different banks.
constexpr int COVARIANCE_STRIDE = COVARIANCE_DATES + 1;
// `PORTFOLIOS_PER_THREAD` there.
constexpr int PORTFOLIOS_PER_THREAD = 8;

__device__ inline double total_of_dates(const double* sums) {
    double sum = sums[0];
    for (int i = 1; i < DATE_SUMS; i++) sum += sums[i];
    return sum;
}

// means: f64 [windows, symbols]. Eight threads share a mean; shared memory: a double a thread.
KERNEL void window_means(const double* returns, const unsigned long long* windows, double* means,
                         unsigned long long count, int symbols, unsigned long long dates) {
    DYNAMIC_SHARED(shared);
    double* sums = reinterpret_cast<double*>(shared);
    const unsigned long long mean = thread_of_grid() / DATE_SUMS;
    const int own = threadIdx.x % DATE_SUMS;
    unsigned long long length = 0;
    double sum = 0.0;
    if (mean < count) {
        const unsigned long long* window = windows + 2 * (mean / symbols);
        const double* from = returns + mean % symbols * dates + window[0];
        length = window[1];
        for (unsigned long long date = own; date < length; date += DATE_SUMS) sum += from[date];
    }
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (mean < count && own == 0) {
        means[mean] = total_of_dates(sums + threadIdx.x) / static_cast<double>(length);
    }
}

// What the products of a window are taken of.
struct FromMean {
    const double* means;
    __device__ double left(double r, int symbol, unsigned long long, unsigned long long) const {
        return r - means[symbol];
    }
    __device__ double right(double r, int symbol) const { return r - means[symbol]; }
};

struct ByAge {
    const double* powers;
    double decay;
    __device__ double left(double r, int, unsigned long long date,
                           unsigned long long length) const {
        const double power = powers[length - 1 - date];
        return r * (date == 0 ? power : (1.0 - decay) * power);
    }
    __device__ double right(double r, int) const { return r; }
};

// A block computes a tile of one window's covariance (its place in the grid's y): out is
// f64 [windows, symbols (symbols + 1) / 2], the lower triangles row after row.
template <class Factor>
__device__ void covariance(const double* returns, const unsigned long long* windows, double* out,
                           int symbols, unsigned long long dates, double divisor, Factor factor) {
    DYNAMIC_SHARED(shared);
    double* left = reinterpret_cast<double*>(shared);
    double* right = left + COVARIANCE_SIDE * COVARIANCE_STRIDE;
    const int tiles = (symbols + COVARIANCE_SIDE - 1) / COVARIANCE_SIDE;
    const int first_row = static_cast<int>(blockIdx.x) / tiles * COVARIANCE_SIDE;
    const int first_column = static_cast<int>(blockIdx.x) % tiles * COVARIANCE_SIDE;
    // Above the diagonal there is nothing to do, for all of the block.
    if (first_column > first_row) return;
    const int row = threadIdx.x / COVARIANCE_SIDE, column = threadIdx.x % COVARIANCE_SIDE;
    const unsigned long long first = windows[2 * blockIdx.y], length = windows[2 * blockIdx.y + 1];
    const double* from = returns + first;
    double sums[DATE_SUMS] = {};
    for (unsigned long long start = 0; start < length; start += COVARIANCE_DATES) {
        for (int value = threadIdx.x; value < COVARIANCE_SIDE * COVARIANCE_DATES;
             value += blockDim.x) {
            const int symbol = value / COVARIANCE_DATES, beside = value % COVARIANCE_DATES;
            const unsigned long long date = start + beside;
            const int of_row = first_row + symbol, of_column = first_column + symbol;
            // Zeros beyond the window and the symbols, whose products change no sum.
            double on_left = 0.0, on_right = 0.0;
            if (date < length && of_row < symbols) {
                on_left = factor.left(from[of_row * dates + date], of_row, date, length);
            }
            if (date < length && of_column < symbols) {
                on_right = factor.right(from[of_column * dates + date], of_column);
            }
            left[symbol * COVARIANCE_STRIDE + beside] = on_left;
            right[symbol * COVARIANCE_STRIDE + beside] = on_right;
        }
        __syncthreads();
#pragma unroll
        for (int date = 0; date < COVARIANCE_DATES; date++) {
            sums[date % DATE_SUMS] += left[row * COVARIANCE_STRIDE + date] *
                                      right[column * COVARIANCE_STRIDE + date];
        }
        __syncthreads();
    }
    const int at_row = first_row + row, at_column = first_column + column;
    if (at_row < symbols && at_column <= at_row) {
        const unsigned long long size = symbols * (symbols + 1ull) / 2;
        const unsigned long long place = at_row * (at_row + 1ull) / 2 + at_column;
        out[blockIdx.y * size + place] = total_of_dates(sums) / divisor;
    }
}

// means: f64 [windows, symbols]; less: what the number of dates is lessened by to divide by it.
KERNEL void __launch_bounds__(COVARIANCE_SIDE * COVARIANCE_SIDE)
    covariance_centred(const double* returns, const unsigned long long* windows, double* out,
                       int symbols, unsigned long long dates, const double* means, double less) {
    const double divisor = static_cast<double>(windows[2 * blockIdx.y + 1]) - less;
    const FromMean factor{means + static_cast<unsigned long long>(blockIdx.y) * symbols};
    covariance(returns, windows, out, symbols, dates, divisor, factor);
}

// powers: f64 [dates of the longest window], decay to the powers 0, 1, ...
KERNEL void __launch_bounds__(COVARIANCE_SIDE * COVARIANCE_SIDE)
    covariance_weighted(const double* returns, const unsigned long long* windows, double* out,
                        int symbols, unsigned long long dates, const double* powers, double decay) {
    covariance(returns, windows, out, symbols, dates, 1.0, ByAge{powers, decay});
}

// weights: f64 [portfolios, symbols]; out: f64 [portfolios, dates]. A thread has one date of some
// portfolios, whose place in the grid's y is theirs.
KERNEL void portfolio_returns(const double* returns, const double* weights, double* out,
                              unsigned long long portfolios, int symbols,
                              unsigned long long dates) {
    const unsigned long long date = thread_of_grid();
    if (date >= dates) return;
    const unsigned long long first = blockIdx.y * (0ull + PORTFOLIOS_PER_THREAD);
    const unsigned long long left = portfolios - first;
    const int count = left < PORTFOLIOS_PER_THREAD ? static_cast<int>(left) : PORTFOLIOS_PER_THREAD;
    double sums[PORTFOLIOS_PER_THREAD] = {};
    for (int symbol = 0; symbol < symbols; symbol++) {
        const double r = returns[symbol * dates + date];
#pragma unroll
        for (int at = 0; at < PORTFOLIOS_PER_THREAD; at++) {
            if (at < count) sums[at] += weights[(first + at) * symbols + symbol] * r;
        }
    }
#pragma unroll
    for (int at = 0; at < PORTFOLIOS_PER_THREAD; at++) {
        if (at < count) out[(first + at) * dates + date] = sums[at];
    }
}
