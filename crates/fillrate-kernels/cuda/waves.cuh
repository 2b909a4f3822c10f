// Rules and guidelines of Elliott waves as tables, and what they say of a pattern: the arithmetic of
// `measure.rs`, `guidelines.rs` and `score.rs` of `crates/fillrate/src/waves`, operation by operation.
//
// The tables are laid out by `WaveTables` in `src/cuda/prices/wave_tables.rs`; the codes are those of its
// enums.
#pragma once

#include "doubles.cuh"

// The most pivots of a pattern.
constexpr int PIVOTS_MAX = 6;

// A target: a ratio, or a range of them, and the inverses of its ends.
struct WaveBand {
    double low, high, inverse_low, inverse_high;
};

enum { LENGTH, DURATION, BEYOND, WAVE_3_TO_SHORTEST, WAVE_5_TO_ADVANCE, CONVERGENCE };

// A measure, and the bands that it should lie in.
struct WaveTarget {
    int measure, i, j, bands, bands_end, unused;
};

enum { RISES, FALLS };

// Bounds of a measure. `least` and `most` are allowed; `min` and `max` are what margins count from.
struct WaveRule {
    int measure, i, j, trend;
    double least, most, min, max, weight;
};

enum { NEAR, ALTERNATION, CHANNEL, BOUNDARY, UNTRUNCATED };

// A guideline: which part of the score it is of, the pivots or the targets that it looks at, and what it
// adds to the score if it is full.
struct WaveTerm {
    int look, part, i, j, through, targets, targets_end, unused;
    double weight;
};

// A form in one direction. The rules that wave w decides are those from rules[w] to before
// rules[w + 1], the terms likewise.
struct WaveForm {
    int waves, falls;
    int rules[PIVOTS_MAX + 1], terms[PIVOTS_MAX + 1];
    double per_term[4], constant, bound, score_min;
};

struct WaveTables {
    const WaveForm* forms;
    const WaveRule* rules;
    const WaveTerm* terms;
    const WaveTarget* targets;
    const WaveBand* bands;
};

// A pattern, or the beginning of one. Wave i runs from pivot i - 1 to pivot i; entry 0 of lengths and
// durations is not used. Levels are prices, negated in a falling pattern.
struct Outline {
    int bars[PIVOTS_MAX];
    double levels[PIVOTS_MAX], lengths[PIVOTS_MAX], durations[PIVOTS_MAX];
    double inverse_lengths[PIVOTS_MAX], inverse_durations[PIVOTS_MAX];

    __device__ void begin(int bar, double level) {
        bars[0] = bar;
        levels[0] = level;
    }

    __device__ void end_wave(int wave, int bar, double level) {
        bars[wave] = bar;
        levels[wave] = level;
        lengths[wave] = fabs(level - levels[wave - 1]);
        durations[wave] = static_cast<double>(bar - bars[wave - 1]);
    }

    __device__ void settle(int wave) {
        inverse_lengths[wave] = 1.0 / lengths[wave];
        inverse_durations[wave] = 1.0 / durations[wave];
    }

    // The level at `bar` of the line through pivots i and j.
    __device__ double line(int i, int j, int bar) const {
        const double from = static_cast<double>(bars[i]);
        const double slope = (levels[j] - levels[i]) / (static_cast<double>(bars[j]) - from);
        return levels[i] + slope * (static_cast<double>(bar) - from);
    }

    __device__ double measured(int measure, int i, int j) const {
        switch (measure) {
            case LENGTH: return lengths[i] / lengths[j];
            case DURATION: return durations[i] / durations[j];
            case BEYOND:
                return (i % 2 == 1 ? levels[i] - levels[j] : levels[j] - levels[i]) / lengths[j];
            case WAVE_3_TO_SHORTEST: return lengths[3] / smaller(lengths[1], lengths[5]);
            case WAVE_5_TO_ADVANCE: return lengths[5] / (levels[3] - levels[0]);
            default: {
                const double last = line(1, 3, bars[4]) - levels[4];
                return 1.0 - last / (line(1, 3, bars[2]) - levels[2]);
            }
        }
    }

    // The same as a score takes it: with the inverse of the earlier wave.
    __device__ double scored(int measure, int i, int j) const {
        if (measure == LENGTH) return lengths[i] * inverse_lengths[j];
        if (measure == DURATION) return durations[i] * inverse_durations[j];
        return measured(measure, i, j);
    }
};

// What cannot be measured earns nothing; all else is rounded to a multiple of 2^-32, so that sums of
// terms are exact in any order.
__device__ inline double term_of(double value) {
    const double next_to = 1048576.0;
    const double bounded = value > 0.0 ? smaller(value, 1.0) : 0.0;
    return (bounded + next_to) - next_to;
}

enum { KEPT, BROKEN, BROKEN_ONWARD };

__device__ inline int verdict(const WaveRule& rule, double value) {
    if (value > rule.most) return rule.trend == RISES ? BROKEN_ONWARD : BROKEN;
    if (value < rule.least) return rule.trend == FALLS ? BROKEN_ONWARD : BROKEN;
    // What is not a number keeps no rule.
    return value == value ? KEPT : BROKEN;
}

__device__ inline double margin_term(const WaveRule& rule, double value) {
    return term_of(fmin(value - rule.min, rule.max - value));
}

// How near a ratio is to the nearest band: 1 in one, 0 where it misses by a quarter.
__device__ inline double nearness(const WaveTables& tables, const WaveTarget& target, double ratio) {
    double best = 0.0;
    for (int at = target.bands; at < target.bands_end; at++) {
        const WaveBand& band = tables.bands[at];
        double miss = 0.0;
        if (ratio < band.low) {
            miss = 1.0 - ratio * band.inverse_low;
        } else if (ratio > band.high) {
            miss = ratio * band.inverse_high - 1.0;
        }
        best = fmax(best, 1.0 - miss * 4.0);
    }
    return best;
}

__device__ inline double differ(double one, double other) {
    return fabs(one - other) / fmax(one, other);
}

// How well an outline follows a guideline, from 0 to 1.
__device__ inline double look(const WaveTables& tables, const WaveTerm& term, const Outline& o,
                              int waves) {
    switch (term.look) {
        case NEAR: {
            double best = 0.0;
            for (int at = term.targets; at < term.targets_end; at++) {
                const WaveTarget& target = tables.targets[at];
                const double ratio = o.scored(target.measure, target.i, target.j);
                best = fmax(best, nearness(tables, target, ratio));
            }
            return term_of(best);
        }
        case ALTERNATION: {
            const double depth =
                differ(o.lengths[2] / o.lengths[1], o.lengths[4] / o.lengths[3]);
            return term_of(fmax(depth, differ(o.durations[2], o.durations[4])));
        }
        case CHANNEL: {
            const double offset =
                o.levels[term.through] - o.line(term.i, term.j, o.bars[term.through]);
            const double expected = o.line(term.i, term.j, o.bars[waves]) + offset;
            return term_of(1.0 - fabs((o.levels[waves] - expected) / offset));
        }
        case BOUNDARY: {
            const double width = o.line(1, 3, o.bars[4]) - o.levels[4];
            return term_of(1.0 - fabs((o.levels[5] - o.line(1, 3, o.bars[5])) / width));
        }
        default: return term_of(o.levels[5] > o.levels[3] ? 1.0 : 0.0);
    }
}

// What the rules of a wave say.
__device__ inline int verdict_of_wave(const WaveTables& tables, const WaveForm& form, int wave,
                                      const Outline& outline) {
    for (int at = form.rules[wave]; at < form.rules[wave + 1]; at++) {
        const WaveRule& rule = tables.rules[at];
        const int said = verdict(rule, outline.measured(rule.measure, rule.i, rule.j));
        if (said != KEPT) return said;
    }
    return KEPT;
}

// What only infinity exceeds.
constexpr double LARGEST = 1.7976931348623157e308;

// Whether the rules of the last wave are kept however long it is. May say no where they are.
__device__ inline bool keeps_any_length(const WaveTables& tables, const WaveForm& form,
                                        const Outline& before) {
    for (int at = form.rules[form.waves]; at < form.rules[form.waves + 1]; at++) {
        const WaveRule& rule = tables.rules[at];
        // The shorter of waves 1 and 5 is not longer than 1.
        const bool is_kept = rule.measure == WAVE_3_TO_SHORTEST &&
                             before.lengths[3] / before.lengths[1] >= rule.least &&
                             rule.most > LARGEST;
        if (!is_kept) return false;
    }
    return true;
}

// What the terms of a wave take from the score, but for rounding.
__device__ inline double loss_of_wave(const WaveTables& tables, const WaveForm& form, int wave,
                                      const Outline& outline) {
    double loss = 0.0;
    for (int at = form.rules[wave]; at < form.rules[wave + 1]; at++) {
        const WaveRule& rule = tables.rules[at];
        const double value = outline.measured(rule.measure, rule.i, rule.j);
        loss += (1.0 - margin_term(rule, value)) * rule.weight;
    }
    for (int at = form.terms[wave]; at < form.terms[wave + 1]; at++) {
        const WaveTerm& term = tables.terms[at];
        loss += (1.0 - look(tables, term, outline, form.waves)) * term.weight;
    }
    return loss;
}

// The score of a whole pattern that keeps the rules.
__device__ inline double score_of(const WaveTables& tables, const WaveForm& form,
                                  const Outline& outline) {
    double fibonacci = 0.0, rules = 0.0, time = 0.0, simplicity = 0.0;
    for (int at = form.rules[1]; at < form.rules[form.waves + 1]; at++) {
        const WaveRule& rule = tables.rules[at];
        rules += margin_term(rule, outline.measured(rule.measure, rule.i, rule.j));
    }
    for (int at = form.terms[1]; at < form.terms[form.waves + 1]; at++) {
        const WaveTerm& term = tables.terms[at];
        const double value = look(tables, term, outline, form.waves);
        fibonacci += term.part == 0 ? value : 0.0;
        time += term.part == 2 ? value : 0.0;
        simplicity += term.part == 3 ? value : 0.0;
    }
    const double* weight = form.per_term;
    return smaller(form.constant + weight[0] * fibonacci + weight[1] * rules + weight[2] * time +
                       weight[3] * simplicity,
                   1.0);
}
