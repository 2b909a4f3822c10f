// Philox4x32-10 and the transformation of Box and Muller, a path a thread: the numbers of
// `src/cpu/paths/draws.rs`, which depend on the seed, the path, the pair of steps and the stream alone.
//
// Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
#pragma once

#include "doubles.cuh"

struct Pair {
    double first, second;
};

// 1 less the last bit: what is taken from a multiple of 2^-52 leaves an odd multiple of 2^-53.
constexpr double BELOW_ONE = 0x1.fffffffffffffp-1;

struct Draws {
    unsigned key_low, key_high, path_low, path_high;
    // 1, or -1 for the mirror image of the path.
    double sign;

    __device__ Draws(unsigned long long seed, unsigned long long path, int mirrored)
        : key_low(static_cast<unsigned>(seed)),
          key_high(static_cast<unsigned>(seed >> 32)),
          path_low(static_cast<unsigned>(path)),
          path_high(static_cast<unsigned>(path >> 32)),
          sign(mirrored ? -1.0 : 1.0) {}

    // The double from 1 to below 2 whose fraction is the upper 52 of 64 bits.
    __device__ static double fraction(unsigned low, unsigned high) {
        const unsigned long long bits = static_cast<unsigned long long>(high) << 20 | low >> 12;
        return __longlong_as_double(static_cast<long long>(bits | 0x3ff0000000000000ULL));
    }

    __device__ Pair fractions(unsigned pair, unsigned stream) const {
        unsigned a = path_low, b = path_high, c = pair, d = stream;
        unsigned key[2] = {key_low, key_high};
#pragma unroll
        for (int round = 0; round < 10; round++) {
            const unsigned p_high = __umulhi(0xD2511F53u, a), p_low = 0xD2511F53u * a;
            const unsigned q_high = __umulhi(0xCD9E8D57u, c), q_low = 0xCD9E8D57u * c;
            a = q_high ^ b ^ key[0], b = q_low;
            c = p_high ^ d ^ key[1], d = p_low;
            key[0] += 0x9E3779B9u, key[1] += 0xBB67AE85u;
        }
        return {fraction(a, b), fraction(c, d)};
    }

    // Two numbers, uniform between 0 and 1; a mirror image has 1 less them.
    __device__ Pair uniforms(unsigned pair, unsigned stream) const {
        const Pair drawn = fractions(pair, stream);
        const double u = drawn.first - BELOW_ONE, v = drawn.second - BELOW_ONE;
        return sign > 0.0 ? Pair{u, v} : Pair{1.0 - u, 1.0 - v};
    }

    // Two standard normal numbers; a mirror image has their opposites.
    __device__ Pair normals(unsigned pair, unsigned stream) const {
        const Pair drawn = fractions(pair, stream);
        const double radius = sqrt(logarithm(drawn.first - BELOW_ONE) * -2.0) * sign;
        double cos, sin;
        cos_sin_turns(drawn.second - BELOW_ONE, cos, sin);
        return {radius * cos, radius * sin};
    }
};
