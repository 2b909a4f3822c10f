// 8-bit floats for the products of Ada and later: a sign, four bits of exponent with a bias of 7,
// three of mantissa. Values are rounded to nearest even; what is beyond 448 saturates; a NaN stays
// one.
//
// Source: Micikevicius et al., "FP8 Formats for Deep Learning" (2022), table 1.
#pragma once

#include "chunk.cuh"

struct E4m3 {
    unsigned char bits;
};

// Two values side by side, `low` in the lower byte.
__device__ inline unsigned narrow_e4m3_pair(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
    unsigned short pair;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(high), "f"(low));
    return pair;
#else
    const auto rounded = [](float value) {
        const unsigned bits = __float_as_uint(value);
        const unsigned sign = (bits >> 24) & 0x80u, magnitude = bits & 0x7fffffffu;
        if (magnitude > 0x7f800000u) return sign | 0x7fu;
        // 448 and beyond.
        if (magnitude >= 0x43e00000u) return sign | 0x7eu;
        // Below 2⁻⁶ all values are multiples of 2⁻⁹, which is the step of floats around 2¹⁴.
        if (magnitude < 0x3c800000u) {
            return sign | (__float_as_uint(__uint_as_float(magnitude) + 16384.0f) & 0xffu);
        }
        // A carry out of the mantissa comes out right in the exponent.
        return sign | (((magnitude + 0x7ffffu + (magnitude >> 20 & 1u)) >> 20) - (120u << 3));
    };
    return rounded(low) | (rounded(high) << 8);
#endif
}

// Writes the columns from `first` on, none past the width.
__device__ inline void store_chunk(E4m3* row, int first, int width, const float (&values)[CHUNK]) {
    if (width % CHUNK == 0) {
        uint2 packed;
        packed.x = narrow_e4m3_pair(values[0], values[1]) |
                   (narrow_e4m3_pair(values[2], values[3]) << 16);
        packed.y = narrow_e4m3_pair(values[4], values[5]) |
                   (narrow_e4m3_pair(values[6], values[7]) << 16);
        *reinterpret_cast<uint2*>(row + first) = packed;
        return;
    }
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
        if (first + i < width) {
            row[first + i].bits = static_cast<unsigned char>(narrow_e4m3_pair(values[i], 0.0f));
        }
    }
}

// Where a kernel writes its result in 8 bits as well, for the product that reads it: nowhere if null.
struct Quantized {
    E4m3* values;
    float inverse_scale;

    // The columns from `first` on of the row that begins `offset` values in.
    __device__ void store(size_t offset, int first, int width,
                          const float (&values_of_chunk)[CHUNK]) const {
        float scaled[CHUNK];
#pragma unroll
        for (int i = 0; i < CHUNK; i++) scaled[i] = values_of_chunk[i] * inverse_scale;
        store_chunk(values + offset, first, width, scaled);
    }
};
