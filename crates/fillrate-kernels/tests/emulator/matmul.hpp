// What cuBLASLt computes of dense matrices: out = a b, row-major, summed in the type of sums.
#pragma once

#include "device.cuh"

namespace dense {

struct Bf16 {
    unsigned short bits;
};

struct Fp16 {
    unsigned short bits;
};

inline float widen(float value) { return value; }
inline double widen(double value) { return value; }
inline float widen(Bf16 value) { return __uint_as_float(static_cast<unsigned>(value.bits) << 16); }
inline float widen(Fp16 value) { return half_to_float(value.bits); }

// a: [rows, inner]; b: [inner, columns]; out: [rows, columns].
template <class Value, class Sum>
void multiply(const Value* a, const Value* b, Sum* out, int rows, int inner, int columns) {
    const int threads = gridDim.x * blockDim.x;
    for (int index = blockIdx.x * blockDim.x + threadIdx.x; index < rows * columns;
         index += threads) {
        const int row = index / columns, column = index % columns;
        Sum sum = 0;
        for (int k = 0; k < inner; k++) {
            sum += widen(a[row * inner + k]) * widen(b[k * columns + column]);
        }
        out[index] = sum;
    }
}

}  // namespace dense

KERNEL void matmul_f32(const float* a, const float* b, float* out, int rows, int inner,
                       int columns) {
    dense::multiply(a, b, out, rows, inner, columns);
}

KERNEL void matmul_f64(const double* a, const double* b, double* out, int rows, int inner,
                       int columns) {
    dense::multiply(a, b, out, rows, inner, columns);
}

KERNEL void matmul_bf16(const dense::Bf16* a, const dense::Bf16* b, float* out, int rows, int inner,
                        int columns) {
    dense::multiply(a, b, out, rows, inner, columns);
}

KERNEL void matmul_fp16(const dense::Fp16* a, const dense::Fp16* b, float* out, int rows, int inner,
                        int columns) {
    dense::multiply(a, b, out, rows, inner, columns);
}
