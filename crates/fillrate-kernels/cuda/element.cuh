// The 16-bit type of activations and weights: bfloat16 (ELEMENT_BF16) or fp16 (ELEMENT_F16).
//
// Arithmetic is in f32 everywhere; an element is widened when it is read and rounded to nearest
// even when it is written.
#pragma once

#include "device.cuh"

struct Element {
    unsigned short bits;
};

#if defined(ELEMENT_BF16)

__device__ inline float widen(Element value) {
    return __uint_as_float(static_cast<unsigned>(value.bits) << 16);
}

// Two values side by side, `low` in the lower half.
__device__ inline unsigned narrow_pair(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
#else
    const auto rounded = [](float value) {
        const unsigned bits = __float_as_uint(value);
        // A NaN stays one: rounding could carry its payload into the sign.
        if ((bits & 0x7fffffffu) > 0x7f800000u) return (bits >> 16) | 0x40u;
        return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    };
    return rounded(low) | (rounded(high) << 16);
#endif
}

#elif defined(ELEMENT_F16)

#if defined(__CUDACC__)
__device__ inline float widen(Element value) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
    return wide;
}

__device__ inline unsigned narrow_pair(float low, float high) {
    unsigned short low_bits, high_bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(low_bits) : "f"(low));
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(high_bits) : "f"(high));
    return low_bits | (static_cast<unsigned>(high_bits) << 16);
}
#else
inline float widen(Element value) { return half_to_float(value.bits); }

inline unsigned narrow_pair(float low, float high) {
    return float_to_half(low) | (static_cast<unsigned>(float_to_half(high)) << 16);
}
#endif

#else
#error "define ELEMENT_BF16 or ELEMENT_F16"
#endif

__device__ inline Element narrow(float value) {
    return Element{static_cast<unsigned short>(narrow_pair(value, 0.0f))};
}

__device__ inline float widen_low(unsigned pair) {
    return widen(Element{static_cast<unsigned short>(pair)});
}

__device__ inline float widen_high(unsigned pair) {
    return widen(Element{static_cast<unsigned short>(pair >> 16)});
}

// Two elements side by side as they are.
__device__ inline unsigned pair_of(Element low, Element high) {
    return low.bits | (static_cast<unsigned>(high.bits) << 16);
}
