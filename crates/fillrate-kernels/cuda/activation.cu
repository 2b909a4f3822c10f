// x = f(x + bias) in place, a chunk of eight columns a thread.
//
// cuBLASLt has a GELU among its epilogues, but in the tanh form; models that say `gelu` mean the
// error function, so that it is computed here.
//
// x: elements [rows, width]; bias: f32 [width].
#include "chunk.cuh"
#include "nonlinearity.cuh"

template <class F>
__device__ inline void add_bias_apply(Element* x, const float* bias, int rows, int width) {
    const int chunks = chunks_of(width);
    const size_t index = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index >= static_cast<size_t>(rows) * chunks) return;
    const int first = static_cast<int>(index % chunks) * CHUNK;
    Element* row = x + index / chunks * width;
    float values[CHUNK], biases[CHUNK];
    load_chunk(row, first, width, values);
    load_chunk(bias, first, width, biases);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) values[i] = F::apply(values[i] + biases[i]);
    store_chunk(row, first, width, values);
}

KERNEL void bias_gelu(Element* x, const float* bias, int rows, int width) {
    add_bias_apply<Gelu>(x, bias, rows, width);
}

KERNEL void bias_gelu_tanh(Element* x, const float* bias, int rows, int width) {
    add_bias_apply<GeluTanh>(x, bias, rows, width);
}

KERNEL void bias_relu(Element* x, const float* bias, int rows, int width) {
    add_bias_apply<Relu>(x, bias, rows, width);
}

KERNEL void bias_tanh(Element* x, const float* bias, int rows, int width) {
    add_bias_apply<Tanh>(x, bias, rows, width);
}
