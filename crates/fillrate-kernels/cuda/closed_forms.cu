// Options on a geometric mean and with a barrier, one a thread, and their Greeks by central differences: the
// operations of `src/cpu/options/{differences,geometric,barrier}.rs`.
//
// terms: f64 [7, options] as for European options, and then the kind's own: for a geometric mean [1, options],
// the number of moments or 0 for all; for a barrier [4, options]: level, rebate, side (1 below the spot, -1
// above) and effect (1 a knock-in, -1 a knock-out); out: f64 [6, options]: price, delta, gamma, vega, theta, rho.
#include "mills.cuh"

constexpr double DEVIATION_MIN = 1e-7;
constexpr double RATE_STEP = 1e-4;
constexpr int SETS_OF_TERMS = 9;

struct OptionTerms {
    double spot, strike, rate, dividend, vol, expiry, sign;

    __device__ OptionTerms(const double* column, size_t options)
        : spot(column[0]),
          strike(column[options]),
          rate(column[2 * options]),
          dividend(column[3 * options]),
          vol(column[4 * options]),
          expiry(column[5 * options]),
          sign(column[6 * options]) {}
};

// What `black_scholes` has as its price.
__device__ inline double european_price(const OptionTerms& terms) {
    const double deviation = larger(terms.vol * sqrt(terms.expiry), 1e-150);
    const double spot_now = terms.spot * exponential(0.0 - terms.dividend * terms.expiry);
    const double strike_now = terms.strike * exponential(0.0 - terms.rate * terms.expiry);
    const double moneyness =
        logarithm(terms.spot / terms.strike) + (terms.rate - terms.dividend) * terms.expiry;
    const double d1 = moneyness / deviation + deviation * 0.5;
    const Normal one = normal(d1), two = normal(d1 - deviation);
    const double n1 = terms.sign > 0.0 ? one.below : one.above;
    const double n2 = terms.sign > 0.0 ? two.below : two.above;
    return larger(terms.sign * (spot_now * n1 - strike_now * n2), 0.0);
}

// The mean of so many moments, or of all.
struct GeometricMean {
    double fixings;

    __device__ double reach(const OptionTerms& terms) const { return terms.spot; }

    __device__ double price(const OptionTerms& terms) const {
        const double twice = fixings + fixings, next = fixings + 1.0;
        const double mean_time = fixings > 0.0 ? next / twice : 0.5;
        const double shared_time =
            fixings > 0.0 ? next * (twice + 1.0) / (fixings * fixings * 6.0) : 1.0 / 3.0;
        const double spread = terms.vol * terms.vol * 0.5;
        const double drift =
            (terms.rate - terms.dividend - spread) * mean_time + spread * shared_time;
        OptionTerms mean = terms;
        mean.dividend = terms.rate - drift;
        mean.vol = terms.vol * sqrt(shared_time);
        return european_price(mean);
    }
};

// exp(power) times the distribution function at x, also where the first is beyond the range of a double and the
// second below it.
__device__ inline double weighted(double power, double x) {
    const bool is_high = x - 1.0 > 0.0;
    const double ratio = mills_ratio(is_high ? x : 0.0 - x);
    const double tail = exponential(power - x * x * 0.5) * BELL_SCALE * ratio;
    return is_high ? exponential(power) - tail : tail;
}

struct SingleBarrier {
    double level, rebate, side, effect;

    __device__ double reach(const OptionTerms& terms) const {
        const double way = terms.spot - level;
        return larger(way, 0.0 - way);
    }

    __device__ double price(const OptionTerms& terms) const {
        if (!(side * (terms.spot - level) > 0.0)) {
            return effect > 0.0 ? european_price(terms) : rebate;
        }
        const double deviation = terms.vol * sqrt(terms.expiry);
        if (DEVIATION_MIN - deviation > 0.0) return without_volatility(terms);
        return moving(terms, deviation);
    }

    __device__ double without_volatility(const OptionTerms& terms) const {
        const double carry = terms.rate - terms.dividend;
        const double hit = logarithm(level / terms.spot) / carry;
        const double end = terms.spot * exponential(carry * terms.expiry);
        const double payoff = larger(terms.sign * (end - terms.strike), 0.0);
        const double discount = exponential(0.0 - terms.rate * terms.expiry);
        const double plain = discount * payoff, late = discount * rebate;
        const double at_hit = exponential(0.0 - terms.rate * hit) * rebate;
        const bool is_hit = hit > 0.0 && !(hit - terms.expiry > 0.0);
        if (is_hit) return effect > 0.0 ? plain : at_hit;
        return effect > 0.0 ? late : plain;
    }

    // By the six terms that all single barriers are made of.
    __device__ double moving(const OptionTerms& terms, double deviation) const {
        const double variance = terms.vol * terms.vol, sign = terms.sign;
        const double mu = (terms.rate - terms.dividend - variance * 0.5) / variance;
        const double distance = logarithm(level / terms.spot);
        const double money = logarithm(terms.spot / terms.strike);
        const double shift = (mu + 1.0) * deviation;
        const double gap = distance / deviation;
        const double discount = exponential(0.0 - terms.rate * terms.expiry);
        const double spot_now = terms.spot * exponential(0.0 - terms.dividend * terms.expiry);
        const double strike_now = terms.strike * discount;
        const double twice = distance + distance;
        const double spot_power = (mu + 1.0) * twice, strike_power = mu * twice;

        const double x[2] = {money / deviation + shift, shift - gap};
        const double y[2] = {(twice + money) / deviation + shift, gap + shift};
        double plain[2], mirrored[2], reflected = 0.0;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const double of_spot = spot_now * normal(sign * x[i]).below;
            const double of_strike = normal(sign * (x[i] - deviation)).below;
            plain[i] = sign * (of_spot - strike_now * of_strike);
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const double of_spot = spot_now * weighted(spot_power, side * y[i]);
            reflected = weighted(strike_power, side * (y[i] - deviation));
            mirrored[i] = sign * (of_spot - strike_now * reflected);
        }
        const double a = plain[0], b = plain[1], c = mirrored[0], d = mirrored[1];

        const double lambda = sqrt(larger(mu * mu + (terms.rate + terms.rate) / variance, 0.0));
        const double reach = lambda * deviation;
        const double never_hit = normal(side * (x[1] - deviation)).below - reflected;
        const double hit = weighted((mu + lambda) * distance, side * (gap + reach)) +
                           weighted((mu - lambda) * distance, side * (gap - reach));
        const double e = rebate * discount * never_hit, f = rebate * hit;

        const bool strike_away = side * (terms.strike - level) > 0.0;
        double knock_in, knock_out;
        if (sign * side > 0.0) {
            knock_in = strike_away ? c : a - b + d;
            knock_out = strike_away ? a - c : b - d;
        } else {
            knock_in = strike_away ? b - c + d : a;
            knock_out = strike_away ? a - b + c - d : 0.0;
        }
        return larger(effect > 0.0 ? knock_in + e : knock_out + f, 0.0);
    }
};

__device__ inline double quotient(double difference, double by) {
    return by > 0.0 ? difference / by : 0.0;
}

// Price and Greeks, from an option's own terms and those with more and with less of spot, volatility, time and
// rate.
template <class Form>
__device__ void by_differences(const Form& form, const OptionTerms& terms, double* to,
                               size_t options) {
    const double spot_step = smaller(terms.spot * 1e-3, form.reach(terms) * 0.49);
    const double vol_step = smaller(1e-4, terms.vol);
    const double time_step = smaller(1e-4, terms.expiry * 0.5);
    double price = 0.0, last = 0.0;
    // One copy of the closed form, whose prices come in pairs.
#pragma unroll 1
    for (int set = 0; set < SETS_OF_TERMS; set++) {
        const double way = set % 2 == 1 ? 1.0 : -1.0;
        OptionTerms moved = terms;
        if (set == 1 || set == 2) moved.spot = terms.spot + way * spot_step;
        if (set == 3 || set == 4) moved.vol = terms.vol + way * vol_step;
        if (set == 5 || set == 6) moved.expiry = terms.expiry + way * time_step;
        if (set == 7 || set == 8) moved.rate = terms.rate + way * RATE_STEP;
        const double found = form.price(moved);
        if (set == 0) to[0] = price = found;
        if (set == 2) {
            to[options] = quotient(last - found, spot_step + spot_step);
            to[2 * options] = quotient(last - (price + price) + found, spot_step * spot_step);
        }
        if (set == 4) to[3 * options] = quotient(last - found, vol_step + vol_step);
        if (set == 6) to[4 * options] = (found - last) / (time_step + time_step);
        if (set == 8) to[5 * options] = (last - found) / (2.0 * RATE_STEP);
        last = found;
    }
}

KERNEL void geometric_asian(const double* terms, double* out, unsigned long long options) {
    const size_t option = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (option >= options) return;
    const double* column = terms + option;
    const GeometricMean mean{column[7 * options]};
    by_differences(mean, OptionTerms(column, options), out + option, options);
}

KERNEL void single_barrier(const double* terms, double* out, unsigned long long options) {
    const size_t option = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (option >= options) return;
    const double* column = terms + option;
    const SingleBarrier single{column[7 * options], column[8 * options], column[9 * options],
                               column[10 * options]};
    by_differences(single, OptionTerms(column, options), out + option, options);
}
