// Rows in chunks of eight values: one 16-byte access of elements where rows are multiples of eight
// wide, single values where they are not. Base addresses are multiples of 16 bytes.
#pragma once

#include "element.cuh"

constexpr int CHUNK = 8;

__device__ inline int chunks_of(int width) { return (width + CHUNK - 1) / CHUNK; }

// Reads the columns from `first` on; those past the width are zero.
__device__ inline void load_chunk(const Element* row, int first, int width, float (&values)[CHUNK]) {
    if (width % CHUNK == 0) {
        const uint4 packed = *reinterpret_cast<const uint4*>(row + first);
        const unsigned pairs[CHUNK / 2] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
        for (int i = 0; i < CHUNK / 2; i++) {
            values[2 * i] = widen_low(pairs[i]);
            values[2 * i + 1] = widen_high(pairs[i]);
        }
        return;
    }
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
        values[i] = first + i < width ? widen(row[first + i]) : 0.0f;
    }
}

__device__ inline void load_chunk(const float* row, int first, int width, float (&values)[CHUNK]) {
    if (width % CHUNK == 0) {
        const float4* vectors = reinterpret_cast<const float4*>(row + first);
        const float4 low = vectors[0], high = vectors[1];
        values[0] = low.x, values[1] = low.y, values[2] = low.z, values[3] = low.w;
        values[4] = high.x, values[5] = high.y, values[6] = high.z, values[7] = high.w;
        return;
    }
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
        values[i] = first + i < width ? row[first + i] : 0.0f;
    }
}

// Writes the columns from `first` on, none past the width.
__device__ inline void store_chunk(Element* row, int first, int width, const float (&values)[CHUNK]) {
    if (width % CHUNK == 0) {
        uint4 packed;
        packed.x = narrow_pair(values[0], values[1]);
        packed.y = narrow_pair(values[2], values[3]);
        packed.z = narrow_pair(values[4], values[5]);
        packed.w = narrow_pair(values[6], values[7]);
        *reinterpret_cast<uint4*>(row + first) = packed;
        return;
    }
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
        if (first + i < width) row[first + i] = narrow(values[i]);
    }
}

__device__ inline void store_chunk(float* row, int first, int width, const float (&values)[CHUNK]) {
    if (width % CHUNK == 0) {
        float4* vectors = reinterpret_cast<float4*>(row + first);
        vectors[0] = make_float4(values[0], values[1], values[2], values[3]);
        vectors[1] = make_float4(values[4], values[5], values[6], values[7]);
        return;
    }
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
        if (first + i < width) row[first + i] = values[i];
    }
}
