// Layer normalisation of one row by one warp: y = γ (x − mean) / √(variance + ε) + β, with the
// population variance.
//
// Source: Ba, Kiros & Hinton, "Layer Normalization" (2016), equations 3 and 4.
#pragma once

#include "e4m3.cuh"

// A row in f32, spread over the lanes of a warp. It lies in shared memory, since an array of
// registers would fix the width at compile time; each lane touches its own slots alone, so that no
// barrier is needed, and neighbouring lanes lie in neighbouring banks.
struct WarpRow {
    float* slots;
    int width;

    __device__ static int slots_for(int width) {
        return (chunks_of(width) + WARP - 1) / WARP * WARP * CHUNK;
    }

    __device__ float& slot(int round, int i) const {
        return slots[(round * CHUNK + i) * WARP + lane_of_warp()];
    }

    // The first column of this lane's chunk of a round; past the width when it has none.
    __device__ int first(int round) const { return (round * WARP + lane_of_warp()) * CHUNK; }
};

// Normalises a row whose values are in their slots; `sum` is the sum of this lane's. The row begins
// `offset` values into `out`, and into `quantized` if that is not null.
__device__ inline void normalize(const WarpRow& row, float sum, const float* gamma,
                                 const float* beta, float epsilon, size_t offset, Element* out,
                                 Quantized quantized) {
    const float mean = warp_sum(sum) / row.width;
    float squares = 0.0f;
    for (int round = 0, first; (first = row.first(round)) < row.width; round++) {
#pragma unroll
        for (int i = 0; i < CHUNK; i++) {
            const float deviation = row.slot(round, i) - mean;
            if (first + i < row.width) squares += deviation * deviation;
        }
    }
    const float scale = rsqrtf(warp_sum(squares) / row.width + epsilon);
    for (int round = 0, first; (first = row.first(round)) < row.width; round++) {
        float scales[CHUNK], shifts[CHUNK], values[CHUNK];
        load_chunk(gamma, first, row.width, scales);
        load_chunk(beta, first, row.width, shifts);
#pragma unroll
        for (int i = 0; i < CHUNK; i++) {
            values[i] = (row.slot(round, i) - mean) * scale * scales[i] + shifts[i];
        }
        store_chunk(out + offset, first, row.width, values);
        if (quantized.values) quantized.store(offset, first, row.width, values);
    }
}
