// Elliott waves of many series at once, all of them of as many bars: pivots, every valid wave by counting,
// summing and writing, and the search of patterns. Beside it, surrogates of a series.
//
// high, low: f64 [series, bars]. pivots: u8 [series, bars], what a bar is. begins: u32
// [series, 2, bars] and the end of the last: for each bar its waves up, then those down, as places in
// starts and ends, u32 [waves], the bars between which each runs.
#include "philox.cuh"
#include "waves.cuh"

constexpr unsigned char SWING_HIGH = 1, SWING_LOW = 2;

// `WAVE_TILE` and `TILE_THREADS` in `waves.rs`.
constexpr int WAVE_TILE = 1024;
constexpr int TILE_THREADS = 256;
constexpr int PER_THREAD = WAVE_TILE / TILE_THREADS;
// `SEARCH_THREADS` there.
constexpr int SEARCH_THREADS = 128;
// The blocks of a multiprocessor, at least: that leaves some hundred registers to a thread, and none spills.
constexpr int SEARCH_BLOCKS = 5;

__device__ inline bool is_price(double x) {
    const double size = fabs(x);
    return size == 0.0 || (size >= 1e-100 && size < 1e100);
}

// The surrogate of a thread under way. Each later bar is told by what its prices are, as multiples of the
// close before it. fault becomes 1 if a price leaves the range of those that are searched.
struct Surrogate {
    double *high, *low;
    double level;
    bool is_sound = true;

    __device__ Surrogate(double* highs, double* lows, size_t begin, double first_high,
                         double first_low, double first_close)
        : high(highs + begin), low(lows + begin), level(first_close) {
        high[0] = first_high;
        low[0] = first_low;
    }

    __device__ void add(int bar, double open, double top, double bottom, double close) {
        const double opened = level * open;
        high[bar] = level * top;
        low[bar] = level * bottom;
        level = level * close;
        is_sound = is_sound && is_price(opened) && is_price(high[bar]) && is_price(low[bar]) &&
                   is_price(level) && low[bar] <= high[bar];
    }

    __device__ void end(unsigned* fault) const {
        if (!is_sound) atomicMax(fault, 1u);
    }
};

// What every way to make surrogates takes. The random numbers are Philox's by the key of each surrogate, of
// which `key` is the first's.
#define SURROGATE_ARGUMENTS                                                                    \
    double *high, double *low, unsigned *fault, unsigned long long seed, unsigned long long key, \
        int series, int bars, double first_high, double first_low, double first_close
#define SURROGATE_OF_THREAD                                                                     \
    const unsigned long long number = thread_of_grid();                                         \
    if (number >= static_cast<unsigned long long>(series)) return;                              \
    const Draws draws(key + number, seed, 0);                                                   \
    Surrogate surrogate(high, low, number * bars, first_high, first_low, first_close)

// Surrogates by the stationary bootstrap, one a thread. steps: f64 [bars - 1, 4], what open, high, low and
// close of each later bar of the original are, as multiples of the close before.
KERNEL void wave_blocks(SURROGATE_ARGUMENTS, const double* steps, double run_ends) {
    SURROGATE_OF_THREAD;
    const int count = bars - 1;
    int from = 0;
    for (int bar = 0; bar < count; bar++) {
        const Pair drawn = draws.uniforms(static_cast<unsigned>(bar), 0);
        if (bar == 0 || drawn.first < run_ends) {
            from = min(static_cast<int>(drawn.second * static_cast<double>(count)), count - 1);
        } else {
            from = from + 1 == count ? 0 : from + 1;
        }
        const double* step = steps + 4 * static_cast<size_t>(from);
        surrogate.add(bar + 1, step[0], step[1], step[2], step[3]);
    }
    surrogate.end(fault);
}

// Surrogates by geometric Brownian motion, one a thread: `drift` and `volatility` are those of a bar's
// logarithm.
KERNEL void wave_diffusions(SURROGATE_ARGUMENTS, double drift, double volatility) {
    SURROGATE_OF_THREAD;
    const double variance = volatility * volatility;
    for (int bar = 0; bar + 1 < bars; bar++) {
        const double change =
            drift + volatility * draws.normals(static_cast<unsigned>(bar), 0).first;
        const Pair drawn = draws.uniforms(static_cast<unsigned>(bar), 1);
        const double square = change * change;
        const double above = sqrt(square - 2.0 * variance * logarithm(drawn.first));
        const double below = sqrt(square - 2.0 * variance * logarithm(drawn.second));
        const double top = larger(larger((change + above) * 0.5, change), 0.0);
        const double bottom = smaller(smaller((change - below) * 0.5, change), 0.0);
        surrogate.add(bar + 1, 1.0, exponential(top), exponential(bottom), exponential(change));
    }
    surrogate.end(fault);
}

// Whether a bar exceeds the `degree` bars before it and is not exceeded by as many after it.
__device__ inline bool is_peak(const double* column, double sign, int bar, int degree) {
    const double price = sign * column[bar];
    for (int distance = 1; distance <= degree; distance++) {
        if (sign * column[bar - distance] >= price || sign * column[bar + distance] > price) {
            return false;
        }
    }
    return true;
}

// The swing highs and lows of a degree. With `open_ends` the first and the last bar are both.
KERNEL void wave_pivots(const double* high, const double* low, unsigned char* pivots,
                        unsigned long long all, int bars, int degree, int open_ends) {
    const unsigned long long index = thread_of_grid();
    if (index >= all) return;
    const int bar = static_cast<int>(index % bars);
    const size_t begin = index - bar;
    unsigned char what = 0;
    if (bar >= degree && bar < bars - degree) {
        if (is_peak(high + begin, 1.0, bar, degree)) what |= SWING_HIGH;
        if (is_peak(low + begin, -1.0, bar, degree)) what |= SWING_LOW;
    }
    if (open_ends && (bar == 0 || bar == bars - 1)) what = SWING_HIGH | SWING_LOW;
    pivots[index] = what;
}

// Visits the waves of one place of `begins`, the shortest first. A wave up from the swing low a ends at a
// swing high b if no bar from a to before b has a higher high, and none after a up to b a lower low.
template <class Visit>
__device__ inline void for_each_wave(const double* high, const double* low,
                                     const unsigned char* pivots, unsigned long long place, int bars,
                                     Visit visit) {
    const int from = static_cast<int>(place % bars);
    const bool falls = place / bars % 2 == 1;
    const size_t series = place / bars / 2 * bars;
    const double sign = falls ? -1.0 : 1.0;
    const double* along = (falls ? low : high) + series;
    const double* against = (falls ? high : low) + series;
    const unsigned char starts = falls ? SWING_HIGH : SWING_LOW;
    const unsigned char ends = falls ? SWING_LOW : SWING_HIGH;
    pivots += series;
    if (!(pivots[from] & starts)) return;
    const double start = sign * against[from];
    double record = sign * along[from];
    for (int bar = from + 1; bar < bars && sign * against[bar] >= start; bar++) {
        const double price = sign * along[bar];
        if (price < record) continue;
        record = price;
        // Only a series without any movement has a wave without length.
        if ((pivots[bar] & ends) && price > start) visit(from, bar);
    }
}

struct Count {
    unsigned& waves;
    __device__ void operator()(int, int) const { waves++; }
};

struct Write {
    unsigned *starts, *ends;
    unsigned& at;
    __device__ void operator()(int from, int to) const {
        starts[at] = static_cast<unsigned>(from);
        ends[at] = static_cast<unsigned>(to);
        at++;
    }
};

// How many waves each place has.
KERNEL void wave_counts(const double* high, const double* low, const unsigned char* pivots,
                        unsigned* counts, unsigned long long places, int bars) {
    const unsigned long long place = thread_of_grid();
    if (place >= places) return;
    unsigned waves = 0;
    for_each_wave(high, low, pivots, place, bars, Count{waves});
    counts[place] = waves;
}

// Where each wave begins and ends.
KERNEL void wave_ends(const double* high, const double* low, const unsigned char* pivots,
                      const unsigned* begins, unsigned* starts, unsigned* ends,
                      unsigned long long places, int bars) {
    const unsigned long long place = thread_of_grid();
    if (place >= places) return;
    unsigned at = begins[place];
    for_each_wave(high, low, pivots, place, bars, Write{starts, ends, at});
}

// The sum of what the block's threads before this one have, and that of all of them. `shared` has room for
// twice as many numbers as there are threads.
__device__ inline unsigned long long sum_before(unsigned long long own, unsigned long long* shared,
                                                unsigned long long& all) {
    const unsigned thread = threadIdx.x, threads = blockDim.x;
    unsigned long long* from = shared;
    unsigned long long* to = shared + threads;
    from[thread] = own;
    __syncthreads();
    for (unsigned distance = 1; distance < threads; distance *= 2) {
        to[thread] = from[thread] + (thread >= distance ? from[thread - distance] : 0);
        __syncthreads();
        unsigned long long* const written = to;
        to = from;
        from = written;
    }
    const unsigned long long before = from[thread] - own;
    all = from[threads - 1];
    __syncthreads();
    return before;
}

// The sum of each tile of counts. sums: u64 [tiles + 1].
KERNEL void scan_tiles(const unsigned* counts, unsigned long long places, unsigned long long* sums) {
    DYNAMIC_SHARED(memory);
    const unsigned long long first = thread_of_grid() * PER_THREAD;
    unsigned long long own = 0, all;
    for (int k = 0; k < PER_THREAD; k++) own += first + k < places ? counts[first + k] : 0;
    sum_before(own, reinterpret_cast<unsigned long long*>(memory), all);
    if (threadIdx.x == 0) sums[blockIdx.x] = all;
}

// Makes of the tiles' sums those of all tiles before, and that of all. One block does.
KERNEL void scan_sums(unsigned long long* sums, int tiles) {
    DYNAMIC_SHARED(memory);
    unsigned long long carried = 0, all;
    for (int first = 0; first < tiles; first += TILE_THREADS) {
        const int tile = first + static_cast<int>(threadIdx.x);
        const unsigned long long own = tile < tiles ? sums[tile] : 0;
        const unsigned long long before =
            sum_before(own, reinterpret_cast<unsigned long long*>(memory), all);
        if (tile < tiles) sums[tile] = carried + before;
        carried += all;
    }
    if (threadIdx.x == 0) sums[tiles] = carried;
}

// Makes of the counts their sums up to before each, and adds that of all: u32 [places + 1].
KERNEL void scan_places(unsigned* counts, unsigned long long places, const unsigned long long* sums) {
    DYNAMIC_SHARED(memory);
    const unsigned long long first = thread_of_grid() * PER_THREAD;
    unsigned own[PER_THREAD];
    unsigned long long sum = 0, all;
    for (int k = 0; k < PER_THREAD; k++) {
        own[k] = first + k < places ? counts[first + k] : 0;
        sum += own[k];
    }
    unsigned long long before =
        sums[blockIdx.x] + sum_before(sum, reinterpret_cast<unsigned long long*>(memory), all);
    for (int k = 0; k < PER_THREAD; k++) {
        if (first + k < places) counts[first + k] = static_cast<unsigned>(before);
        before += own[k];
        if (first + k + 1 == places) counts[places] = static_cast<unsigned>(before);
    }
}

// The series that a block searches.
struct Waves {
    const double *high, *low;
    // Those up, and those down.
    const unsigned* begins[2];
    const unsigned *starts, *ends;

    __device__ double price(bool is_high, int bar) const { return is_high ? high[bar] : low[bar]; }
};

// What the threads of a block share: the next first wave, and what they found. `best` is one more than the
// bits of the best score, which rise as scores do, and 0 if there is none.
struct Shared {
    unsigned long long best, found;
    unsigned next;
};

__device__ inline double score_of_best(unsigned long long best) {
    return __longlong_as_double(static_cast<long long>(best - 1));
}

// More than all the rounding of a bound: each of its few terms is off by 1e-16 at most.
constexpr double BOUND_ROUNDING = 1e-13;

// Visits every pattern that begins with one of the first waves that the block has left, depth-first. All
// threads run the same loop, whatever wave they are at, and take another first wave as they come back to
// it. Every pattern is counted; what it scores is only looked at while it can be the best.
__device__ inline void search_block(const WaveTables& tables, const WaveForm& form,
                                    const Waves& series, unsigned first_end, Shared* shared) {
    Outline outline;
    unsigned at[PIVOTS_MAX], stop[PIVOTS_MAX];
    double bound[PIVOTS_MAX];
    const double sign = form.falls ? -1.0 : 1.0;
    unsigned long long best = 0, found = 0;
    double needed = 0.0;
    int wave = 1;
    for (;;) {
        int bar;
        if (wave == 1) {
            const unsigned first = atomicAdd(&shared->next, 1u);
            if (first >= first_end) break;
            const unsigned long long seen = atomicMax(&shared->best, 0ull);
            best = seen > best ? seen : best;
            needed = (best ? score_of_best(best) : form.score_min) - BOUND_ROUNDING;
            const int start = static_cast<int>(series.starts[first]);
            outline.begin(start, sign * series.price(form.falls, start));
            bar = static_cast<int>(series.ends[first]);
            bound[0] = form.bound;
        } else {
            if (at[wave] == stop[wave]) {
                wave--;
                continue;
            }
            bar = static_cast<int>(series.ends[at[wave]++]);
        }
        const bool is_high = (wave % 2 == 1) != (form.falls != 0);
        outline.end_wave(wave, bar, sign * series.price(is_high, bar));
        const int said = verdict_of_wave(tables, form, wave, outline);
        if (said == BROKEN_ONWARD && wave > 1) at[wave] = stop[wave];
        if (said != KEPT) continue;
        outline.settle(wave);
        bound[wave] = bound[wave - 1];
        if (bound[wave] >= needed) bound[wave] -= loss_of_wave(tables, form, wave, outline);
        if (wave == form.waves) {
            found++;
            if (bound[wave] < needed) continue;
            const double score = score_of(tables, form, outline);
            if (best ? score > score_of_best(best) : score >= form.score_min) {
                best = static_cast<unsigned long long>(__double_as_longlong(score)) + 1;
                needed = score - BOUND_ROUNDING;
                atomicMax(&shared->best, best);
            }
            continue;
        }
        const unsigned* next = series.begins[is_high ? 1 : 0] + bar;
        wave++;
        at[wave] = next[0];
        stop[wave] = next[1];
        if (wave == form.waves && bound[wave - 1] < needed &&
            keeps_any_length(tables, form, outline)) {
            found += stop[wave] - at[wave];
            at[wave] = stop[wave];
        }
    }
    if (found > 0) atomicAdd(&shared->found, found);
}

// The number of patterns and the best score of each form in each series: u64 [series, forms] each, of which
// `best` is as in `Shared`. A block takes its share of the first waves of one series (its place in the
// grid's y) for one form (its place in z).
KERNEL void __launch_bounds__(SEARCH_THREADS, SEARCH_BLOCKS)
    wave_search(const double* high, const double* low, const unsigned* begins,
                const unsigned* starts, const unsigned* ends, int bars, const WaveForm* forms,
                const WaveRule* rules, const WaveTerm* terms, const WaveTarget* targets,
                const WaveBand* bands, unsigned long long* best, unsigned long long* found) {
    DYNAMIC_SHARED(memory);
    Shared* const shared = reinterpret_cast<Shared*>(memory);
    const WaveTables tables{forms, rules, terms, targets, bands};
    const WaveForm& form = forms[blockIdx.z];
    const size_t offset = static_cast<size_t>(blockIdx.y) * bars;
    const unsigned *up = begins + 2 * offset, *down = up + bars;
    const Waves series{high + offset, low + offset, {up, down}, starts, ends};
    const unsigned* first = form.falls ? down : up;
    const unsigned long long count = first[bars] - first[0];
    const unsigned share_begin = first[0] + static_cast<unsigned>(count * blockIdx.x / gridDim.x);
    const unsigned share_end = first[0] + static_cast<unsigned>(count * (blockIdx.x + 1) / gridDim.x);
    const size_t answer = static_cast<size_t>(blockIdx.y) * gridDim.z + blockIdx.z;
    if (threadIdx.x == 0) {
        shared->best = atomicMax(best + answer, 0ull);
        shared->found = 0;
        shared->next = share_begin;
    }
    __syncthreads();
    search_block(tables, form, series, share_end, shared);
    __syncthreads();
    if (threadIdx.x == 0) {
        atomicMax(best + answer, shared->best);
        atomicAdd(found + answer, shared->found);
    }
}
