// Gathering rows: the first token of each sequence, for the end of the last layer.
//
// x: elements [rows, width]; chosen: u32 [count], below rows (the host has checked them);
// out: [count, width], elements or f32. A chunk of eight columns a thread.
#include "chunk.cuh"

template <class To>
__device__ inline void gather(const Element* x, const unsigned* chosen, To* out, int count,
                              int width) {
    const int chunks = chunks_of(width);
    const size_t index = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index >= static_cast<size_t>(count) * chunks) return;
    const int first = static_cast<int>(index % chunks) * CHUNK;
    const size_t row = index / chunks;
    float values[CHUNK];
    load_chunk(x + static_cast<size_t>(chosen[row]) * width, first, width, values);
    store_chunk(out + row * width, first, width, values);
}

KERNEL void select_rows(const Element* x, const unsigned* chosen, Element* out, int count,
                        int width) {
    gather(x, chosen, out, count, width);
}

KERNEL void select_rows_f32(const Element* x, const unsigned* chosen, float* out, int count,
                            int width) {
    gather(x, chosen, out, count, width);
}
