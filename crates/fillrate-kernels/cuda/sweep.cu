// Backtests of many parameter sets, one a thread: the accounts of `src/cpu/sweep`.
//
// A set is a row and a column of a grid. Rows (the grid's y) have lines f64 [rows, bars]; columns (its x)
// have numbers f64 [columns], or lines f64 [bars, columns], so that neighbouring threads read
// neighbouring values. tape: f64 [8, bars]: closes, what a bar returns that is held, entered and left,
// what 1 of cash buys, what a share sold brings, what 1 of cash sells short, and what a share costs that
// is bought back. out: f64 [9, rows * columns].
#include "doubles.cuh"

// A position that brings no more than this of what it took has come out even, but for rounding.
constexpr double EVEN = 1.0 + 1e-12;

// The columns of a tape at a bar.
struct Tape {
    const double* column;
    unsigned long long bars;
    double rate, fee;

    __device__ double close(long long at) const { return column[at]; }
    __device__ double hold(long long at) const { return column[bars + at]; }
    __device__ double enter(long long at) const { return column[2 * bars + at]; }
    __device__ double leave(long long at) const { return column[3 * bars + at]; }
    __device__ double buy(long long at) const { return column[4 * bars + at]; }
    __device__ double sell(long long at) const { return column[5 * bars + at]; }
    __device__ double sell_short(long long at) const { return column[6 * bars + at]; }
    __device__ double cover(long long at) const { return column[7 * bars + at]; }
};

// What a set adds up.
struct Sums {
    double sum = 0.0, squares = 0.0, downside = 0.0, peak = 1.0, left = 1.0, drawdown = 0.0;
    double trades = 0.0, won = 0.0, held = 0.0;

    __device__ void add(double equity, double r, bool is_held) {
        sum = sum + r;
        squares = squares + r * r;
        const double loss = smaller(r, 0.0);
        downside = downside + loss * loss;
        held = held + (is_held ? 1.0 : 0.0);
        peak = larger(equity, peak);
        if (peak * left > equity) {
            drawdown = larger(1.0 - equity / peak, drawdown);
            left = 1.0 - drawdown;
        }
    }
};

// The positions that a set is to have, by what it has seen of its rule.
struct Sides {
    bool is_long = false, is_short = false, bought = false, sold = false;

    template <class R>
    __device__ void look(const R& rule, long long at) {
        bool buy, sell;
        rule.sides(at, buy, sell);
        bool to_long = buy, to_short = sell;
        if (R::CROSSES) {
            // A set that is where it has always been has not crossed.
            bought = bought || buy;
            sold = sold || sell;
            to_long = buy && sold;
            to_short = sell && bought;
        }
        is_long = (is_long || to_long) && !sell;
        is_short = (is_short || to_short) && !buy;
    }
};

// An account that is long or flat.
struct Long {
    double units = 1.0, even = 1.0;
    bool held = false;

    __device__ void bar(const Tape& tape, long long at, Sides& wanted, Sums& sums, double& equity,
                        double& r) {
        const bool entered = wanted.is_long && !held, left = held && !wanted.is_long;
        r = held ? tape.hold(at) : -tape.rate;
        if (entered || left) {
            const double buy = tape.buy(at);
            if (!is_missing(buy)) {
                const double before = units;
                units = left ? before * tape.sell(at) : before * buy;
                if (entered) {
                    even = before * EVEN;
                    sums.trades = sums.trades + 1.0;
                    r = tape.enter(at);
                } else {
                    if (units > even) sums.won = sums.won + 1.0;
                    r = tape.leave(at);
                }
                held = wanted.is_long;
            }
        }
        equity = held ? units * tape.close(at) : units;
    }

    __device__ bool is_held() const { return held; }
};

// An account that is long, flat or short.
struct LongShort {
    double cash = 1.0, shares = 0.0, even = 1.0, value_before = 1.0;
    bool is_long = false, is_short = false, ruined = false;

    // Turns the position into the one wanted, if the bar has a price for it.
    __device__ void fill(const Tape& tape, long long at, const Sides& wanted, Sums& sums) {
        bool to_long = wanted.is_long && !is_long, to_short = wanted.is_short && !is_short;
        const bool from_long = is_long && !wanted.is_long, from_short = is_short && !wanted.is_short;
        const bool left = from_long || from_short;
        if (!(to_long || to_short || left)) return;
        const double buy = tape.buy(at);
        if (is_missing(buy)) return;
        const double covered = larger(cash + shares * tape.cover(at), 0.0);
        if (from_long) cash = shares * tape.sell(at);
        if (from_short) cash = covered;
        if (left) shares = 0.0;
        if (left && cash > even) sums.won = sums.won + 1.0;
        const bool able = cash > 0.0;
        ruined = ruined || (left && !able);
        to_long = to_long && able, to_short = to_short && able;
        if (to_long || to_short) {
            sums.trades = sums.trades + 1.0;
            even = cash * EVEN;
        }
        is_long = (is_long && !from_long) || to_long;
        is_short = (is_short && !from_short) || to_short;
        // A short sale brings the account's value again, less the fee.
        if (to_short) {
            shares = 0.0 - cash * tape.sell_short(at);
            cash = cash * (2.0 - tape.fee);
        } else if (to_long) {
            shares = cash * buy;
            cash = 0.0;
        }
    }

    __device__ void bar(const Tape& tape, long long at, Sides& wanted, Sums& sums, double& equity,
                        double& r) {
        wanted.is_long = wanted.is_long && !ruined;
        wanted.is_short = wanted.is_short && !ruined;
        fill(tape, at, wanted, sums);
        const double before = value_before;
        const double value = cash + shares * tape.close(at);
        const bool alive = value > 0.0;
        if ((is_long || is_short) && !alive && !ruined) {
            cash = 0.0, shares = 0.0;
            is_long = false, is_short = false, ruined = true;
        }
        equity = alive ? value : 0.0;
        const double idle = -tape.rate;
        // What is nothing stays nothing: its return is that of idle cash.
        r = before > 0.0 ? equity / before - 1.0 + idle : idle;
        value_before = equity;
    }

    __device__ bool is_held() const { return is_long || is_short; }
};

// Rules: the side to buy and the side to sell, never both. NaN is on no side.
struct Crossing {
    static constexpr bool CROSSES = true;
    const double *fast, *slow;
    int columns;

    __device__ void sides(long long at, bool& buy, bool& sell) const {
        const double a = fast[at], b = slow[at * columns];
        buy = a > b, sell = b > a;
    }
};

struct Outside {
    static constexpr bool CROSSES = false;
    const double* line;
    double low, high;

    __device__ void sides(long long at, bool& buy, bool& sell) const {
        const double value = line[at];
        buy = low > value, sell = value > high;
    }
};

struct Banded {
    static constexpr bool CROSSES = false;
    const double *close, *middle, *deviation;
    double width;

    __device__ void sides(long long at, bool& buy, bool& sell) const {
        const double centre = middle[at], reach = deviation[at] * width;
        buy = centre - reach > close[at], sell = close[at] > centre + reach;
    }
};

// Runs one account over the bars from `begin` to before `end`; `delay` is 1 where orders are filled at
// the next bar.
template <class A, class R>
__device__ inline void run_account(const Tape& tape, const R& rule, long long begin, long long end, int delay,
                           double* out, size_t sets) {
    A account;
    Sums sums;
    Sides sides;
    if (delay == 0 && begin < end) {
        // What is seen at the close that opens the account moves nothing yet.
        sides.look(rule, begin);
        sides.is_long = false, sides.is_short = false;
    }
    double equity = 1.0;
    bool held = false;
    for (long long at = begin + 1; at < end; at++) {
        sides.look(rule, at - delay);
        double r;
        account.bar(tape, at, sides, sums, equity, r);
        held = account.is_held();
        sums.add(equity, r, held);
    }
    const double values[] = {equity,    sums.sum,    sums.squares,
                             sums.downside, sums.drawdown, sums.held,
                             sums.trades, sums.trades - (held ? 1.0 : 0.0), sums.won};
    for (int k = 0; k < 9; k++) out[k * sets] = values[k];
}

struct Range {
    long long begin, end;
    int delay, with_short;
};

template <class R>
__device__ inline void run_set(const Tape& tape, const R& rule, const Range& range, double* out,
                               int column, int columns) {
    const size_t sets = static_cast<size_t>(gridDim.y) * columns;
    double* const to = out + static_cast<size_t>(blockIdx.y) * columns + column;
    if (range.with_short) {
        run_account<LongShort>(tape, rule, range.begin, range.end, range.delay, to, sets);
    } else {
        run_account<Long>(tape, rule, range.begin, range.end, range.delay, to, sets);
    }
}

#define SWEEP_ARGUMENTS                                                                            \
    const double *columns_of_tape, unsigned long long bars, double rate, double fee,               \
        unsigned long long begin, unsigned long long end, int delay, int with_short, double *out, \
        int columns
#define SWEEP_SET                                                                       \
    const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);        \
    if (column >= columns) return;                                                      \
    const Tape tape{columns_of_tape, bars, rate, fee};                                  \
    const Range range{static_cast<long long>(begin), static_cast<long long>(end), delay, \
                      with_short};                                                       \
    const size_t line = static_cast<size_t>(blockIdx.y) * bars

// fast: [rows, bars]; slow: [bars, columns].
KERNEL void sweep_crossing(SWEEP_ARGUMENTS, const double* fast, const double* slow) {
    SWEEP_SET;
    run_set(tape, Crossing{fast + line, slow + column, columns}, range, out, column, columns);
}

// lines: [rows, bars]; low, high: [columns].
KERNEL void sweep_outside(SWEEP_ARGUMENTS, const double* lines, const double* low,
                          const double* high) {
    SWEEP_SET;
    run_set(tape, Outside{lines + line, low[column], high[column]}, range, out, column, columns);
}

// middle, deviation: [rows, bars]; width: [columns].
KERNEL void sweep_bands(SWEEP_ARGUMENTS, const double* middle, const double* deviation,
                        const double* width) {
    SWEEP_SET;
    const Banded rule{columns_of_tape, middle + line, deviation + line, width[column]};
    run_set(tape, rule, range, out, column, columns);
}
