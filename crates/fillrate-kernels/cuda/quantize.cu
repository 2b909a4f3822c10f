// Elements in 8 bits, for the products that read them, and the ranges that their scales are taken
// from.
#include "e4m3.cuh"

// out = x times inverse_scale in 8 bits, a chunk of eight columns a thread.
//
// x: elements [rows, width]; out: e4m3 [rows, width].
KERNEL void quantize_e4m3(const Element* x, E4m3* out, float inverse_scale, int rows, int width) {
    const int chunks = chunks_of(width);
    const size_t index = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index >= static_cast<size_t>(rows) * chunks) return;
    const int first = static_cast<int>(index % chunks) * CHUNK;
    const size_t offset = index / chunks * width;
    float values[CHUNK];
    load_chunk(x + offset, first, width, values);
    Quantized{out, inverse_scale}.store(offset, first, width, values);
}

// largest = the larger of itself and of every magnitude in x; a NaN counts as nothing.
//
// x: elements [count]; largest: f32 [1], not negative, as bits: those of such floats are in their
// order.
KERNEL void largest_magnitude(const Element* x, unsigned* largest, unsigned long long count) {
    const size_t index = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const float magnitude = index < count ? fmaxf(fabsf(widen(x[index])), 0.0f) : 0.0f;
    const float found = warp_max(magnitude);
    if (lane_of_warp() == 0) atomicMax(largest, __float_as_uint(found));
}
