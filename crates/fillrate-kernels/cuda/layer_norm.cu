// out = layer_norm(x + residual), one row a warp. `out` may be `residual`.
//
// x, residual, out: elements [rows, width]; gamma, beta: f32 [width]; quantized: null, or e4m3
// [rows, width] for the same times inverse_scale.
// Shared memory: WarpRow::slots_for(width) floats a warp.
#include "layer_norm.cuh"

KERNEL void add_layer_norm(const Element* x, const Element* residual, const float* gamma,
                           const float* beta, Element* out, E4m3* quantized, float inverse_scale,
                           int rows, int width, float epsilon) {
    DYNAMIC_SHARED(shared);
    const int row_index = blockIdx.x * warps_of_block() + warp_of_block();
    // Whole warps leave, and no barrier of the block follows.
    if (row_index >= rows) return;
    float* slots = reinterpret_cast<float*>(shared) + warp_of_block() * WarpRow::slots_for(width);
    const WarpRow row{slots, width};
    const size_t offset = static_cast<size_t>(row_index) * width;
    float sum = 0.0f;
    for (int round = 0, first; (first = row.first(round)) < width; round++) {
        float values[CHUNK], others[CHUNK];
        load_chunk(x + offset, first, width, values);
        load_chunk(residual + offset, first, width, others);
#pragma unroll
        for (int i = 0; i < CHUNK; i++) {
            row.slot(round, i) = values[i] + others[i];
            sum += values[i] + others[i];
        }
    }
    normalize(row, sum, gamma, beta, epsilon, offset, out, Quantized{quantized, inverse_scale});
}
