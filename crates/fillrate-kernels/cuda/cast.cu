// Casts between f32 and elements, a value a thread. from, to: [count].
#include "element.cuh"

KERNEL void cast_to_elements(const float* from, Element* to, unsigned long long count) {
    const size_t index = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index < count) to[index] = narrow(from[index]);
}

KERNEL void cast_to_f32(const Element* from, float* to, unsigned long long count) {
    const size_t index = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index < count) to[index] = widen(from[index]);
}
