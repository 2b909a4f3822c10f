// What every kernel starts from: how kernels are declared, and sums and maxima over a warp.
//
// Kernels use no header of the toolkit. NVRTC finds those only where a whole toolkit is installed,
// and a machine that runs Fillrate needs none. They use dynamic shared memory only, so that a
// launch says how much a block takes and the tests can bound and poison every byte of it.
#pragma once

// The tests run the same sources on the processor and define these two differently.
#ifndef KERNEL
#define KERNEL extern "C" __global__
#endif
#ifndef DYNAMIC_SHARED
#define DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#endif

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

__device__ inline int lane_of_warp() { return threadIdx.x % WARP; }
__device__ inline int warp_of_block() { return threadIdx.x / WARP; }
__device__ inline int warps_of_block() { return blockDim.x / WARP; }

__device__ inline unsigned long long thread_of_grid() {
    return static_cast<unsigned long long>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ inline float minus_infinity() { return __uint_as_float(0xff800000u); }

// The sum over the warp, in every lane. The order is that of a tree, whatever the lane.
__device__ inline float warp_sum(float value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(ALL_LANES, value, distance);
    }
    return value;
}

// The largest value of the warp, in every lane.
__device__ inline float warp_max(float value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, distance));
    }
    return value;
}
