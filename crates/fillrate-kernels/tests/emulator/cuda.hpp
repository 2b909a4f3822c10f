// Runs CUDA kernels on the processor: what a kernel's source needs of the language, for a C++
// compiler, so that tests run the very sources that NVRTC compiles.
//
// A block's threads are fibers of one thread, run in a shuffled order from barrier to barrier
// (`fibers.hpp`), or real threads, for ThreadSanitizer and AddressSanitizer (`threads.hpp`). Blocks
// run one after another, which a kernel that needs no other block of its grid cannot notice.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define __global__
#define __device__
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define KERNEL static
#define DYNAMIC_SHARED(name) unsigned char* name = emulation::current->block->shared

namespace emulation {

constexpr int WARP_SIZE = 32;

// What a kernel does wrong ends the program: the test sees the message and no answer.
[[noreturn]] inline void fail(const char* what) {
    std::fprintf(stderr, "emulator: %s\n", what);
    std::fflush(stderr);
    std::abort();
}

struct Index {
    unsigned x, y, z;
};

struct Shape {
    Index grid, block;
};

struct Block;

struct Thread {
    Index index;
    unsigned lane, warp;
    Block* block;
};

extern thread_local Thread* current;

// Barriers of the running engine. Every thread of the block, or lane of the warp, must arrive.
void wait_for_block();
void wait_for_warp();

struct Block {
    Index index;
    Shape shape;
    unsigned char* shared;
    // What each lane offers to its warp in a shuffle.
    std::vector<std::uint32_t> offered;
};

// Lanes offer their value, then all read, then all may offer the next one.
inline std::uint32_t exchange(std::uint32_t value, unsigned from) {
    Thread& thread = *current;
    std::uint32_t* offered = &thread.block->offered[thread.warp * WARP_SIZE];
    offered[thread.lane] = value;
    wait_for_warp();
    const std::uint32_t received = offered[from % WARP_SIZE];
    wait_for_warp();
    return received;
}

template <class T>
T shuffle(unsigned mask, T value, unsigned from) {
    static_assert(sizeof(T) == 4);
    if (mask != 0xffffffffu) fail("a shuffle of part of a warp is not emulated");
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    bits = exchange(bits, from);
    std::memcpy(&value, &bits, 4);
    return value;
}

}  // namespace emulation

#define threadIdx (emulation::current->index)
#define blockIdx (emulation::current->block->index)
#define blockDim (emulation::current->block->shape.block)
#define gridDim (emulation::current->block->shape.grid)

inline void __syncthreads() { emulation::wait_for_block(); }
inline void __syncwarp() { emulation::wait_for_warp(); }

template <class T>
T __shfl_sync(unsigned mask, T value, int from) {
    return emulation::shuffle(mask, value, static_cast<unsigned>(from));
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask) {
    return emulation::shuffle(mask, value, emulation::current->lane ^ static_cast<unsigned>(lane_mask));
}

template <class T>
T atomicAdd(T* at, T value) {
    T seen, sum;
    __atomic_load(at, &seen, __ATOMIC_RELAXED);
    do {
        sum = seen + value;
    } while (!__atomic_compare_exchange(at, &seen, &sum, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return seen;
}

template <class T>
T atomicMax(T* at, T value) {
    T seen;
    __atomic_load(at, &seen, __ATOMIC_RELAXED);
    while (seen < value &&
           !__atomic_compare_exchange(at, &seen, &value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return seen;
}

// Vectors are aligned as on the device, so that an access that would fault there is seen here.
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

using std::max;
using std::min;

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }

inline float __uint_as_float(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

inline unsigned __float_as_uint(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, 4);
    return bits;
}

inline double __longlong_as_double(long long bits) {
    double value;
    std::memcpy(&value, &bits, 8);
    return value;
}

inline long long __double_as_longlong(double value) {
    long long bits;
    std::memcpy(&bits, &value, 8);
    return bits;
}

inline unsigned __umulhi(unsigned a, unsigned b) {
    return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32);
}

inline float half_to_float(unsigned short half) {
    const int exponent = half >> 10 & 0x1f, mantissa = half & 0x3ff;
    const float magnitude = exponent == 0    ? std::ldexp(static_cast<float>(mantissa), -24)
                            : exponent == 31 ? (mantissa ? NAN : INFINITY)
                                             : std::ldexp(1024.0f + mantissa, exponent - 25);
    return half & 0x8000 ? -magnitude : magnitude;
}

inline unsigned short float_to_half(float value) {
    const unsigned short sign = std::signbit(value) ? 0x8000 : 0;
    const float magnitude = std::fabs(value);
    if (std::isnan(value)) return sign | 0x7e00;
    if (magnitude == 0.0f) return sign;
    // Half a step above the largest finite value and up.
    if (magnitude >= 65520.0f) return sign | 0x7c00;
    int exponent = 0;
    std::frexp(magnitude, &exponent);
    // The exponent of the last bit that is kept; subnormals share one.
    const int last = std::max(exponent - 11, -24);
    const int steps = static_cast<int>(std::nearbyint(std::ldexp(magnitude, -last)));
    // A carry into the next exponent comes out right by itself.
    return static_cast<unsigned short>(sign | (steps + ((last + 24) << 10)));
}
