// American puts, a warp each: the boundary of exercise by fixed points and what the right to exercise adds to
// a European put, operation by operation as in `src/cpu/options/american`.
//
// scheme: f64, what `AmericanScheme::table` lays out; terms: f64 [puts, 6]: rate, yield, volatility, expiry,
// and the spot over the strike, as its logarithm and as it is; guesses: f64 [puts, nodes + 1]; out: f64
// [puts, 3]: 1 if the boundary was found or 0, the logarithm of its last value, and the premium. A block takes
// `AmericanTables` of shared memory.
#include "doubles.cuh"

constexpr double BOUNDARY_TOLERANCE = 1e-6;

// The tables of a collocation that no put's terms touch.
struct AmericanScheme {
    int nodes, lanes, points, premium_points;
    const double *roots, *sines, *weights, *shares;
    const double *premium_sines, *premium_weights, *premium_shares;

    __device__ AmericanScheme(const double* table, int nodes, int points, int premium_points)
        : nodes(nodes), lanes((nodes + 7) / 8 * 8), points(points), premium_points(premium_points) {
        roots = table;
        sines = roots + lanes;
        weights = sines + points;
        shares = weights + points;
        premium_sines = shares + points * nodes * lanes;
        premium_weights = premium_sines + premium_points;
        premium_shares = premium_weights + premium_points;
    }
};

struct AmericanTerms {
    double rate, dividend, vol, expiry, log_spot, spot;
};

// What a put's warp shares: values of nodes [lanes], and of points of every node's integral [points, lanes].
struct AmericanTables {
    double *tau, *node_deviation, *drift, *carry, *scale;
    double *logs, *squares, *moved, *steps, *last_steps;
    double *deviation, *inverse, *shift, *upper, *lower, *upper_terms, *lower_terms;

    __device__ AmericanTables(unsigned char* shared, const AmericanScheme& scheme) {
        double* next = reinterpret_cast<double*>(shared);
        double** const of_nodes[] = {&tau,  &node_deviation, &drift, &carry, &scale,
                                     &logs, &squares,        &moved, &steps, &last_steps};
        for (double** column : of_nodes) {
            *column = next;
            next += scheme.lanes;
        }
        double** const of_points[] = {&deviation, &inverse,     &shift,      &upper,
                                      &lower,     &upper_terms, &lower_terms};
        for (double** column : of_points) {
            *column = next;
            next += scheme.points * scheme.lanes;
        }
    }
};

// One put and which equation its boundary solves: from densities (FP-A) or from distribution functions
// (FP-B).
struct American {
    const AmericanScheme& scheme;
    const AmericanTerms& terms;
    AmericanTables& tables;
    double limit;
    bool by_densities;

    __device__ void prepare() const {
        const double root_expiry = sqrt(terms.expiry);
        const double carry = terms.rate - terms.dividend;
        const double drift = carry - 0.5 * terms.vol * terms.vol;
        for (int lane = lane_of_warp(); lane < scheme.lanes; lane += WARP) {
            const double root = root_expiry * scheme.roots[lane];
            tables.tau[lane] = root * root;
            tables.node_deviation[lane] = terms.vol * root;
            tables.drift[lane] = drift * root * root;
            tables.carry[lane] = carry * root * root;
            tables.scale[lane] = BELL_SCALE * root / terms.vol;
        }
        __syncwarp();
        const double slope = drift / (terms.vol * terms.vol);
        for (int place = lane_of_warp(); place < scheme.points * scheme.lanes; place += WARP) {
            const int point = place / scheme.lanes, lane = place % scheme.lanes;
            const double sine = scheme.sines[point], weight = scheme.weights[point];
            const double deviation = tables.node_deviation[lane] * sine;
            tables.deviation[place] = deviation;
            tables.inverse[place] = 1.0 / deviation;
            tables.shift[place] = slope * deviation;
            const double left = tables.tau[lane] * (1.0 - sine * sine);
            const double above = by_densities ? tables.scale[lane] : tables.tau[lane] * sine;
            const double below = by_densities ? 1.0 : above;
            tables.upper[place] = above * exponential(left * terms.rate) * (weight * terms.rate);
            tables.lower[place] =
                below * exponential(left * terms.dividend) * (weight * terms.dividend);
        }
        __syncwarp();
    }

    // The boundary at a point, from the shares of the nodes, which are `stride` apart.
    __device__ double boundary(const double* shares, int stride) const {
        double square = 0.0;
        for (int node = 0; node < scheme.nodes; node++) {
            square = square + shares[node * stride] * tables.squares[node];
        }
        return limit - sqrt(larger(square, 0.0));
    }

    // The terms of the integrals of all nodes.
    __device__ void integrands() const {
        for (int place = lane_of_warp(); place < scheme.points * scheme.lanes; place += WARP) {
            const int point = place / scheme.lanes, lane = place % scheme.lanes;
            const double* shares = scheme.shares + point * scheme.nodes * scheme.lanes + lane;
            const double distance = tables.logs[lane] - boundary(shares, scheme.lanes);
            const double d_minus = distance * tables.inverse[place] + tables.shift[place];
            const double d_plus = d_minus + tables.deviation[place];
            const double inner_upper = by_densities ? exponential(d_minus * d_minus * -0.5)
                                                    : normal(d_minus).below;
            tables.upper_terms[place] = tables.upper[place] * inner_upper;
            if (terms.dividend == 0.0) continue;
            const Normal plus = normal(d_plus);
            const double inner_lower = by_densities
                                           ? plus.below * (scheme.sines[point] * tables.tau[lane]) +
                                                 plus.bell * tables.scale[lane]
                                           : plus.below;
            tables.lower_terms[place] = tables.lower[place] * inner_lower;
        }
        __syncwarp();
    }

    // Where the boundary at a node would be if all of it were as it is; NaN where there is no such place.
    __device__ double fixed_point(int lane) const {
        const double deviation = tables.node_deviation[lane];
        const double d_minus = (tables.logs[lane] + tables.drift[lane]) / deviation;
        const Normal minus = normal(d_minus), plus = normal(d_minus + deviation);
        double upper = minus.below, lower = plus.below;
        if (by_densities) {
            const double scale = BELL_SCALE / deviation;
            upper = minus.bell * scale;
            lower = plus.bell * scale + plus.below;
        }
        double more_upper = 0.0, more_lower = 0.0;
        for (int point = 0; point < scheme.points; point++) {
            more_upper = more_upper + tables.upper_terms[point * scheme.lanes + lane];
            if (terms.dividend != 0.0) {
                more_lower = more_lower + tables.lower_terms[point * scheme.lanes + lane];
            }
        }
        const double ratio = (upper + more_upper) / (lower + more_lower);
        // Logarithms are those of positive normal numbers.
        if (!(ratio - SMALLEST_NORMAL > 0.0 && LARGEST_DOUBLE - ratio > 0.0)) return not_a_number();
        return logarithm(ratio) - tables.carry[lane];
    }

    // One sweep: the steps that the equation asks for, and whether there are such.
    __device__ bool sweep() const {
        // The lanes beyond the nodes repeat the last.
        for (int lane = lane_of_warp(); lane < scheme.lanes; lane += WARP) {
            if (lane >= scheme.nodes) tables.logs[lane] = tables.logs[scheme.nodes - 1];
            const double distance = tables.logs[lane] - limit;
            tables.squares[lane] = distance * distance;
        }
        __syncwarp();
        integrands();
        for (int lane = lane_of_warp(); lane < scheme.nodes; lane += WARP) {
            const double moved = fixed_point(lane);
            tables.moved[lane] = moved;
            tables.steps[lane] = smaller(moved, limit) - tables.logs[lane];
        }
        __syncwarp();
        bool is_finite = true;
        for (int node = 0; node < scheme.nodes; node++) {
            is_finite = is_finite && tables.moved[node] - tables.moved[node] == 0.0;
        }
        return is_finite;
    }

    // The part of the steps to take, by Aitken's relaxation.
    __device__ double relaxed(double relaxation) const {
        double along = 0.0, square = 0.0;
        for (int node = 0; node < scheme.nodes; node++) {
            const double last = tables.last_steps[node], change = tables.steps[node] - last;
            along = along + last * change;
            square = square + change * change;
        }
        if (square > 0.0) relaxation = relaxation * (-along / square);
        const double most = by_densities ? 1.0 : 2.5;
        return relaxation < 0.02 ? 0.02 : relaxation > most ? most : relaxation;
    }

    // Sweeps from a guess until the boundary stays where it is; whether it does.
    __device__ bool solve(const double* guess) {
        for (int node = lane_of_warp(); node < scheme.nodes; node += WARP) {
            tables.logs[node] = guess[node];
        }
        prepare();
        double relaxation = 1.0;
        const int sweeps_max = by_densities ? 40 : 200;
        for (int count = 0; count < sweeps_max; count++) {
            if (!sweep()) return false;
            double largest = 0.0;
            for (int node = 0; node < scheme.nodes; node++) {
                largest = larger(largest, fabs(tables.steps[node]));
            }
            if (count > 0) relaxation = relaxed(relaxation);
            __syncwarp();
            for (int node = lane_of_warp(); node < scheme.nodes; node += WARP) {
                const double moved = tables.logs[node] + relaxation * tables.steps[node];
                tables.logs[node] = smaller(moved, limit);
            }
            __syncwarp();
            if (largest <= BOUNDARY_TOLERANCE) return true;
            double* const taken = tables.steps;
            tables.steps = tables.last_steps;
            tables.last_steps = taken;
        }
        return false;
    }

    // What the points of the premium's integral add, into the terms of the upper integrals: there are no
    // more of them than that.
    __device__ void premium_terms() const {
        for (int node = lane_of_warp(); node < scheme.nodes; node += WARP) {
            const double distance = tables.logs[node] - limit;
            tables.squares[node] = distance * distance;
        }
        __syncwarp();
        const double root_expiry = sqrt(terms.expiry);
        const double drift_rate = terms.rate - terms.dividend - 0.5 * terms.vol * terms.vol;
        for (int point = lane_of_warp(); point < scheme.premium_points; point += WARP) {
            const double edge = boundary(scheme.premium_shares + point, scheme.premium_points);
            const double sine = scheme.premium_sines[point];
            const double root = sine * root_expiry;
            const double time = root * root, deviation = root * terms.vol;
            const double d_minus = (terms.log_spot - edge + time * drift_rate) / deviation;
            const double paid = exponential(0.0 - time * terms.rate);
            double gain = normal(d_minus).above * paid * terms.rate;
            if (terms.dividend != 0.0) {
                const double spot_paid = exponential(0.0 - time * terms.dividend);
                gain = gain - normal(d_minus + deviation).above * spot_paid *
                                  (terms.dividend * terms.spot);
            }
            tables.upper_terms[point] = scheme.premium_weights[point] * sine * gain;
        }
        __syncwarp();
    }

    // Their sum as the processor's eight lanes take it.
    __device__ double premium() const {
        premium_terms();
        double sums[8];
#pragma unroll
        for (int lane = 0; lane < 8; lane++) {
            sums[lane] = 0.0;
            for (int point = lane; point < scheme.premium_points; point += 8) {
                sums[lane] = sums[lane] + tables.upper_terms[point];
            }
        }
#pragma unroll
        for (int half = 4; half > 0; half /= 2) {
#pragma unroll
            for (int lane = 0; lane < half; lane++) sums[lane] = sums[lane] + sums[lane + half];
        }
        return terms.expiry * sums[0];
    }
};

KERNEL void american_puts(const double* table, const double* columns, const double* guesses,
                          double* out, int nodes, int points, int premium_points) {
    DYNAMIC_SHARED(shared);
    const AmericanScheme scheme(table, nodes, points, premium_points);
    const size_t put = blockIdx.x;
    const AmericanTerms terms = reinterpret_cast<const AmericanTerms*>(columns)[put];
    AmericanTables tables(shared, scheme);
    const double* const guess = guesses + put * (nodes + 1);
    American american{scheme, terms, tables, guess[0], true};
    bool is_found = american.solve(guess + 1);
    if (!is_found) {
        __syncwarp();
        american.by_densities = false;
        is_found = american.solve(guess + 1);
    }
    __syncwarp();
    const double premium = is_found ? american.premium() : 0.0;
    if (lane_of_warp() > 0) return;
    double* const to = out + put * 3;
    to[0] = is_found ? 1.0 : 0.0;
    to[1] = tables.logs[nodes - 1];
    to[2] = premium;
}
