// Attention of sixteen queries to their sequence's keys, thirty-two keys at a time, by one warp.
//
// The softmax is computed as the keys come (its running maximum and total are carried, and what was
// gathered is scaled when the maximum rises), so that a sequence of any length takes the same
// registers.
//
// Source: Vaswani et al., "Attention Is All You Need" (2017), equation 1; Milakov & Gimelshein,
// "Online normalizer calculation for softmax" (2018), algorithm 3.
#pragma once

#include "mma.cuh"

constexpr int QUERY_TILE = 16;
constexpr int KEY_STEP = 32;

// Heads are padded with zeros to PAD values, a multiple of sixteen. Their rows in shared memory lie
// four banks apart, so that the eight rows and four pairs of columns that a warp reads at once lie
// in 32 different banks.
template <int PAD>
constexpr int PITCH = PAD + 8;

// The rows of one head: query, key or value, `dim` values wide and `stride` values apart.
struct Head {
    const Element* first;
    int stride;
    int dim;

    __device__ bool has_vectors() const { return dim % 8 == 0 && stride % 8 == 0; }
    __device__ bool has_pairs() const { return dim % 2 == 0 && stride % 2 == 0; }
    __device__ const Element* row(int index) const {
        return first + static_cast<size_t>(index) * stride;
    }
};

// Copies rows `from..from + rows` into shared memory, [rows, PITCH]; rows past `length` and columns
// past the head are zero. The whole block takes part.
template <int PAD>
__device__ inline void load_rows(const Head& head, int from, int rows, int length, Element* to) {
    constexpr int PARTS = PAD / 8;
    for (int item = threadIdx.x; item < rows * PARTS; item += blockDim.x) {
        const int row = item / PARTS, column = item % PARTS * 8;
        Element* out = to + row * PITCH<PAD> + column;
        const bool present = from + row < length && column < head.dim;
        const Element* in = head.row(present ? from + row : 0) + column;
        if (!present) {
            *reinterpret_cast<uint4*>(out) = make_uint4(0, 0, 0, 0);
        } else if (head.has_vectors()) {
            *reinterpret_cast<uint4*>(out) = *reinterpret_cast<const uint4*>(in);
        } else {
            for (int i = 0; i < 8; i++) {
                out[i] = column + i < head.dim ? in[i] : Element{0};
            }
        }
    }
}

// Two neighbouring values of a row in global memory, zero where there are none.
__device__ inline unsigned load_pair(const Head& head, int row, int column, int length) {
    if (row >= length || column >= head.dim) return 0;
    const Element* at = head.row(row) + column;
    if (head.has_pairs()) return *reinterpret_cast<const unsigned*>(at);
    return pair_of(at[0], column + 1 < head.dim ? at[1] : Element{0});
}

// Sixteen queries as the left operand of their product with the keys.
template <int PAD>
struct Queries {
    unsigned a[PAD / 16][4];

    __device__ void load(const Head& head, int from, int length) {
        const int row = from + lane_of_warp() / 4, column = lane_of_warp() % 4 * 2;
#pragma unroll
        for (int k = 0; k < PAD / 16; k++) {
            a[k][0] = load_pair(head, row, k * 16 + column, length);
            a[k][1] = load_pair(head, row + 8, k * 16 + column, length);
            a[k][2] = load_pair(head, row, k * 16 + column + 8, length);
            a[k][3] = load_pair(head, row + 8, k * 16 + column + 8, length);
        }
    }
};

// What sixteen queries have gathered; each lane holds two rows, eight apart.
template <int PAD>
struct Gathered {
    float largest[2];
    // This lane's share of the softmax's denominator.
    float total[2];
    float values[PAD / 8][4];

    __device__ void clear() {
        largest[0] = largest[1] = minus_infinity();
        total[0] = total[1] = 0.0f;
#pragma unroll
        for (int n = 0; n < PAD / 8; n++) {
            values[n][0] = values[n][1] = values[n][2] = values[n][3] = 0.0f;
        }
    }

    // Attends to the first `present` (1 to KEY_STEP) of KEY_STEP keys. `scale` is log2(e) / √d:
    // powers of two are what the hardware computes.
    __device__ void attend(const Queries<PAD>& queries, const Element* keys, const Element* values_at,
                           int present, float scale) {
        const int group = lane_of_warp() / 4, quad = lane_of_warp() % 4;
        float scores[KEY_STEP / 8][4] = {};
#pragma unroll
        for (int n = 0; n < KEY_STEP / 8; n++) {
            const Element* key = keys + (n * 8 + group) * PITCH<PAD> + quad * 2;
#pragma unroll
            for (int k = 0; k < PAD / 16; k++) {
                mma_16x8x16(scores[n], queries.a[k],
                            *reinterpret_cast<const unsigned*>(key + k * 16),
                            *reinterpret_cast<const unsigned*>(key + k * 16 + 8));
            }
        }
        weigh(scores, present, scale);
#pragma unroll
        for (int k = 0; k < KEY_STEP / 16; k++) {
            // The scores' registers are those of a left operand, once they are rounded.
            const unsigned a[4] = {
                narrow_pair(scores[2 * k][0], scores[2 * k][1]),
                narrow_pair(scores[2 * k][2], scores[2 * k][3]),
                narrow_pair(scores[2 * k + 1][0], scores[2 * k + 1][1]),
                narrow_pair(scores[2 * k + 1][2], scores[2 * k + 1][3]),
            };
            const Element* value = values_at + (k * 16 + quad * 2) * PITCH<PAD> + group;
#pragma unroll
            for (int n = 0; n < PAD / 8; n++) {
                const Element* at = value + n * 8;
                mma_16x8x16(values[n], a, pair_of(at[0], at[PITCH<PAD>]),
                            pair_of(at[8 * PITCH<PAD>], at[9 * PITCH<PAD>]));
            }
        }
    }

    // Turns scores into the numerators of the softmax, and scales what was gathered before.
    __device__ void weigh(float (&scores)[KEY_STEP / 8][4], int present, float scale) {
        const int quad = lane_of_warp() % 4;
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float high = largest[half];
#pragma unroll
            for (int n = 0; n < KEY_STEP / 8; n++) {
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; i++) {
                    const bool is_key = n * 8 + quad * 2 + i % 2 < present;
                    scores[n][i] = is_key ? scores[n][i] * scale : minus_infinity();
                    high = fmaxf(high, scores[n][i]);
                }
            }
            // The four lanes of a group hold one row.
            high = fmaxf(high, __shfl_xor_sync(ALL_LANES, high, 1));
            high = fmaxf(high, __shfl_xor_sync(ALL_LANES, high, 2));
            const float shrink = exp2f(largest[half] - high);
            largest[half] = high;
            total[half] *= shrink;
#pragma unroll
            for (int n = 0; n < KEY_STEP / 8; n++) {
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; i++) {
                    scores[n][i] = exp2f(scores[n][i] - high);
                    total[half] += scores[n][i];
                }
            }
#pragma unroll
            for (int n = 0; n < PAD / 8; n++) {
                values[n][2 * half] *= shrink;
                values[n][2 * half + 1] *= shrink;
            }
        }
    }

    // Writes the rows that exist; `out` is the head's first column in row 0 of the sequence.
    __device__ void store(Element* out, int stride, int dim, int from, int length) const {
        const int group = lane_of_warp() / 4, quad = lane_of_warp() % 4;
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float sum = total[half];
            sum += __shfl_xor_sync(ALL_LANES, sum, 1);
            sum += __shfl_xor_sync(ALL_LANES, sum, 2);
            const float share = 1.0f / sum;
            const int row = from + group + 8 * half;
            if (row >= length) continue;
            Element* at = out + static_cast<size_t>(row) * stride;
#pragma unroll
            for (int n = 0; n < PAD / 8; n++) {
                const int column = n * 8 + quad * 2;
                const float low = values[n][2 * half] * share;
                const float high = values[n][2 * half + 1] * share;
                if (column + 1 < dim && dim % 2 == 0 && stride % 2 == 0) {
                    *reinterpret_cast<unsigned*>(at + column) = narrow_pair(low, high);
                } else {
                    if (column < dim) at[column] = narrow(low);
                    if (column + 1 < dim) at[column + 1] = narrow(high);
                }
            }
        }
    }
};
