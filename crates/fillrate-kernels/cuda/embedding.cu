// out = layer_norm(words[id] + positions[position]), one token a warp.
//
// ids, places: u32 [tokens], below the tables' rows (the host has checked them); words: elements
// [vocabulary, width]; positions: f32 [positions, width], with token type 0 already added;
// gamma, beta: f32 [width]; out: elements [tokens, width]; quantized: null, or e4m3 [tokens, width]
// for the same times inverse_scale.
// Shared memory: WarpRow::slots_for(width) floats a warp.
#include "layer_norm.cuh"

KERNEL void embed_layer_norm(const unsigned* ids, const unsigned* places, const Element* words,
                             const float* positions, const float* gamma, const float* beta,
                             Element* out, E4m3* quantized, float inverse_scale, int tokens,
                             int width, float epsilon) {
    DYNAMIC_SHARED(shared);
    const int token = blockIdx.x * warps_of_block() + warp_of_block();
    if (token >= tokens) return;
    float* slots = reinterpret_cast<float*>(shared) + warp_of_block() * WarpRow::slots_for(width);
    const WarpRow row{slots, width};
    const Element* word = words + static_cast<size_t>(ids[token]) * width;
    const float* position = positions + static_cast<size_t>(places[token]) * width;
    float sum = 0.0f;
    for (int round = 0, first; (first = row.first(round)) < width; round++) {
        float values[CHUNK], others[CHUNK];
        load_chunk(word, first, width, values);
        load_chunk(position, first, width, others);
#pragma unroll
        for (int i = 0; i < CHUNK; i++) {
            row.slot(round, i) = values[i] + others[i];
            sum += values[i] + others[i];
        }
    }
    const size_t offset = static_cast<size_t>(token) * width;
    normalize(row, sum, gamma, beta, epsilon, offset, out, Quantized{quantized, inverse_scale});
}
