// The seam of the tensor cores: one product of 16 × 16 by 16 × 8 elements, summed in f32.
//
// A warp holds the matrices in the registers of its lanes. With group = lane / 4 and quad =
// lane % 4, each register of a and b holding two elements of rising k:
//
//   a[0], a[1]   rows group and group + 8, columns k = 2 quad, 2 quad + 1
//   a[2], a[3]   the same rows, columns 8 further
//   b0, b1       column n = group, rows k = 2 quad, 2 quad + 1, and 8 further
//   d[0], d[1]   row group,     columns 2 quad and 2 quad + 1
//   d[2], d[3]   row group + 8, the same columns
//
// Source: PTX ISA 8.8, section 9.7.14.5.8, "Matrix Fragments for mma.m16n8k16".
#pragma once

#include "element.cuh"

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800

#if defined(ELEMENT_BF16)
#define MMA_TYPES "bf16.bf16"
#else
#define MMA_TYPES "f16.f16"
#endif

__device__ inline void mma_16x8x16(float (&d)[4], const unsigned (&a)[4], unsigned b0,
                                   unsigned b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32." MMA_TYPES ".f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 750 && defined(ELEMENT_F16)

// Turing multiplies eight columns at a time, with the registers of either half.
__device__ inline void mma_16x8x16(float (&d)[4], const unsigned (&a)[4], unsigned b0,
                                   unsigned b1) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(b0));
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[2]), "r"(a[3]), "r"(b1));
}

#else

// Where there is no instruction of this shape and type (Volta, bf16 before Ampere, and the tests'
// processor), lanes exchange their registers and multiply by themselves. A call, since forty copies
// of it would take seconds to compile.
__device__ __noinline__ float4 multiply_by_lanes(float4 d, uint4 a, uint2 b) {
    const int group = lane_of_warp() / 4, quad = lane_of_warp() % 4;
    for (int owner = 0; owner < 4; owner++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const unsigned of_b = half ? b.y : b.x;
            const unsigned upper = __shfl_sync(ALL_LANES, half ? a.z : a.x, group * 4 + owner);
            const unsigned lower = __shfl_sync(ALL_LANES, half ? a.w : a.y, group * 4 + owner);
            const unsigned left = __shfl_sync(ALL_LANES, of_b, quad * 8 + owner);
            const unsigned right = __shfl_sync(ALL_LANES, of_b, quad * 8 + 4 + owner);
            d.x += widen_low(upper) * widen_low(left) + widen_high(upper) * widen_high(left);
            d.y += widen_low(upper) * widen_low(right) + widen_high(upper) * widen_high(right);
            d.z += widen_low(lower) * widen_low(left) + widen_high(lower) * widen_high(left);
            d.w += widen_low(lower) * widen_low(right) + widen_high(lower) * widen_high(right);
        }
    }
    return d;
}

__device__ inline void mma_16x8x16(float (&d)[4], const unsigned (&a)[4], unsigned b0,
                                   unsigned b1) {
    const float4 sum = multiply_by_lanes(make_float4(d[0], d[1], d[2], d[3]),
                                         make_uint4(a[0], a[1], a[2], a[3]), make_uint2(b0, b1));
    d[0] = sum.x, d[1] = sum.y, d[2] = sum.z, d[3] = sum.w;
}

#endif
