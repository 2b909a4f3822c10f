// What windows come to and what is made of it: the aggregates and the finishes of `src/cpu/window`.
#pragma once

#include "doubles.cuh"

template <int K>
struct Numbers {
    double of[K];
};

// What two neighbouring windows come to together; `x` and `x_older` are their newest values, `newer` and
// `older` their sizes.
// `factor` is what the outputs of a window of so many values are scaled by.
struct Sum {
    static constexpr int K = 1;
    __device__ static double factor(int count) { return 1.0 / count; }
    __device__ static Numbers<1> one(double x) { return {{x}}; }
    __device__ static Numbers<1> join(Numbers<1> a, Numbers<1> b, double, double, double, double) {
        return {{a.of[0] + b.of[0]}};
    }
};

struct Smallest {
    static constexpr int K = 1;
    __device__ static double factor(int) { return 1.0; }
    __device__ static Numbers<1> one(double x) { return {{x}}; }
    __device__ static Numbers<1> join(Numbers<1> a, Numbers<1> b, double, double, double, double) {
        return {{smaller(a.of[0], b.of[0])}};
    }
};

struct Largest {
    static constexpr int K = 1;
    __device__ static double factor(int) { return 1.0; }
    __device__ static Numbers<1> one(double x) { return {{x}}; }
    __device__ static Numbers<1> join(Numbers<1> a, Numbers<1> b, double, double, double, double) {
        return {{larger(a.of[0], b.of[0])}};
    }
};

// The sum, and the sum with weights 1, 2, ... from the oldest value to the newest.
struct Weighted {
    static constexpr int K = 2;
    __device__ static double factor(int count) { return 1.0 / (count * (count + 1.0) / 2.0); }
    __device__ static Numbers<2> one(double x) { return {{x, x}}; }
    __device__ static Numbers<2> join(Numbers<2> a, Numbers<2> b, double, double, double,
                                      double older) {
        return {{a.of[0] + b.of[0], a.of[1] + a.of[0] * older + b.of[1]}};
    }
};

// The mean's distance from the newest value, and the sum of squared deviations from the mean.
struct Moments {
    static constexpr int K = 2;
    __device__ static double factor(int count) { return 1.0 / count; }
    __device__ static Numbers<2> one(double) { return {{0.0, 0.0}}; }
    __device__ static Numbers<2> join(Numbers<2> a, Numbers<2> b, double x, double x_older,
                                      double newer, double older) {
        const double step = x_older - x + (b.of[0] - a.of[0]);
        const double shift = step * (older / (newer + older));
        const double between = step * shift * newer;
        return {{a.of[0] + shift, a.of[1] + b.of[1] + between}};
    }
};

// From what a window comes to, to the outputs at its newest value.
struct AsIs {
    static constexpr int OUTPUTS = 1;
    template <int K>
    __device__ void write(double* out, unsigned long long, Numbers<K> window, double, double) const {
        *out = window.of[0];
    }
};

struct Scaled {
    static constexpr int OUTPUTS = 1;
    template <int K>
    __device__ void write(double* out, unsigned long long, Numbers<K> window, double,
                          double factor) const {
        *out = window.of[K - 1] * factor;
    }
};

struct Deviation {
    static constexpr int OUTPUTS = 1;
    __device__ void write(double* out, unsigned long long, Numbers<2> window, double,
                          double factor) const {
        *out = sqrt(window.of[1] * factor);
    }
};

struct ZScore {
    static constexpr int OUTPUTS = 1;
    __device__ void write(double* out, unsigned long long, Numbers<2> window, double,
                          double factor) const {
        const double deviation = sqrt(window.of[1] * factor);
        *out = deviation > 0.0 ? (0.0 - window.of[0]) / deviation : 0.0;
    }
};

struct Bands {
    static constexpr int OUTPUTS = 3;
    double width;
    __device__ void write(double* out, unsigned long long values, Numbers<2> window, double x,
                          double factor) const {
        const double middle = x + window.of[0];
        const double reach = sqrt(window.of[1] * factor) * width;
        out[0] = middle + reach;
        out[values] = middle;
        out[2 * values] = middle - reach;
    }
};
