// The tail of a classifier: rows are few, and everything is in f32, because it costs nothing and
// its rounding would reach the logits undamped.
#include "chunk.cuh"
#include "nonlinearity.cuh"

// The rows that one warp carries through one column of weights.
constexpr int TAIL_ROWS = 8;

// out = f(x weightᵀ + bias): a warp for each output and TAIL_ROWS rows; grid (outputs, rows).
//
// x: f32 [rows, inputs]; weight: f32 [outputs, inputs]; bias: f32 [outputs]; out: f32
// [rows, outputs].
template <class F>
__device__ inline void tail(const float* x, const float* weight, const float* bias, float* out,
                            int rows, int inputs, int outputs) {
    const int output = blockIdx.x * warps_of_block() + warp_of_block();
    if (output >= outputs) return;
    const int first = blockIdx.y * TAIL_ROWS;
    const int count = min(TAIL_ROWS, rows - first);
    const float* weights = weight + static_cast<size_t>(output) * inputs;
    const float* from = x + static_cast<size_t>(first) * inputs;
    float sums[TAIL_ROWS] = {};
    for (int i = lane_of_warp(); i < inputs; i += WARP) {
        const float w = weights[i];
#pragma unroll
        for (int row = 0; row < TAIL_ROWS; row++) {
            if (row < count) sums[row] += from[static_cast<size_t>(row) * inputs + i] * w;
        }
    }
#pragma unroll
    for (int row = 0; row < TAIL_ROWS; row++) {
        const float sum = warp_sum(sums[row]);
        if (row < count && lane_of_warp() == 0) {
            out[static_cast<size_t>(first + row) * outputs + output] = F::apply(sum + bias[output]);
        }
    }
}

KERNEL void tail_identity(const float* x, const float* weight, const float* bias, float* out,
                          int rows, int inputs, int outputs) {
    tail<Identity>(x, weight, bias, out, rows, inputs, outputs);
}

KERNEL void tail_gelu(const float* x, const float* weight, const float* bias, float* out, int rows,
                      int inputs, int outputs) {
    tail<Gelu>(x, weight, bias, out, rows, inputs, outputs);
}

KERNEL void tail_gelu_tanh(const float* x, const float* weight, const float* bias, float* out,
                           int rows, int inputs, int outputs) {
    tail<GeluTanh>(x, weight, bias, out, rows, inputs, outputs);
}

KERNEL void tail_relu(const float* x, const float* weight, const float* bias, float* out, int rows,
                      int inputs, int outputs) {
    tail<Relu>(x, weight, bias, out, rows, inputs, outputs);
}

KERNEL void tail_tanh(const float* x, const float* weight, const float* bias, float* out, int rows,
                      int inputs, int outputs) {
    tail<Tanh>(x, weight, bias, out, rows, inputs, outputs);
}
