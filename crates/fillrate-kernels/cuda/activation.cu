// x = f(x + bias) in place, or in 8 bits elsewhere if `quantized` is not null and x as it was: a chunk
// of eight columns a thread.
//
// cuBLASLt has a GELU among its epilogues, but in the tanh form; models that say `gelu` mean the
// error function, so that it is computed here.
//
// x: elements [rows, width]; bias: f32 [width]; quantized: e4m3 [rows, width], times inverse_scale.
#include "e4m3.cuh"
#include "nonlinearity.cuh"

template <class F>
__device__ inline void add_bias_apply(Element* x, const float* bias, Quantized quantized, int rows,
                                      int width) {
    const int chunks = chunks_of(width);
    const size_t index = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index >= static_cast<size_t>(rows) * chunks) return;
    const int first = static_cast<int>(index % chunks) * CHUNK;
    const size_t offset = index / chunks * width;
    float values[CHUNK], biases[CHUNK];
    load_chunk(x + offset, first, width, values);
    load_chunk(bias, first, width, biases);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) values[i] = F::apply(values[i] + biases[i]);
    if (quantized.values) {
        quantized.store(offset, first, width, values);
    } else {
        store_chunk(x + offset, first, width, values);
    }
}

KERNEL void bias_gelu(Element* x, const float* bias, E4m3* quantized, float inverse_scale,
                      int rows, int width) {
    add_bias_apply<Gelu>(x, bias, Quantized{quantized, inverse_scale}, rows, width);
}

KERNEL void bias_gelu_tanh(Element* x, const float* bias, E4m3* quantized, float inverse_scale,
                           int rows, int width) {
    add_bias_apply<GeluTanh>(x, bias, Quantized{quantized, inverse_scale}, rows, width);
}

KERNEL void bias_relu(Element* x, const float* bias, E4m3* quantized, float inverse_scale,
                      int rows, int width) {
    add_bias_apply<Relu>(x, bias, Quantized{quantized, inverse_scale}, rows, width);
}

KERNEL void bias_tanh(Element* x, const float* bias, E4m3* quantized, float inverse_scale,
                      int rows, int width) {
    add_bias_apply<Tanh>(x, bias, Quantized{quantized, inverse_scale}, rows, width);
}
