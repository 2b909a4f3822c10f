// What cuBLASLt computes on a device: out = x weightᵀ + bias, summed in f32 and rounded once.
#pragma once

#include "e4m3.cuh"

// x: elements [rows, inputs]; weight: elements [outputs, inputs]; bias: elements [outputs], or null;
// out: elements [rows, outputs].
KERNEL void product(const Element* x, const Element* weight, const Element* bias, Element* out,
                    int rows, int inputs, int outputs) {
    const int threads = gridDim.x * blockDim.x;
    for (int index = blockIdx.x * blockDim.x + threadIdx.x; index < rows * outputs;
         index += threads) {
        const int row = index / outputs, output = index % outputs;
        float sum = 0.0f;
        for (int i = 0; i < inputs; i++) {
            sum += widen(x[row * inputs + i]) * widen(weight[output * inputs + i]);
        }
        out[index] = narrow(sum + (bias ? widen(bias[output]) : 0.0f));
    }
}

inline float widen_e4m3(E4m3 value) {
    const int exponent = value.bits >> 3 & 0xf, mantissa = value.bits & 7;
    const float magnitude = (value.bits & 0x7f) == 0x7f ? NAN
                            : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                            : std::ldexp(8.0f + mantissa, exponent - 10);
    return value.bits & 0x80 ? -magnitude : magnitude;
}

// The same for 8-bit floats, each side times its scale. x: e4m3 [rows, inputs]; weight: e4m3
// [outputs, inputs]; x_scale, weight_scale: f32 [1]; bias, out as above.
KERNEL void product_e4m3(const E4m3* x, const E4m3* weight, const float* x_scale,
                         const float* weight_scale, const Element* bias, Element* out, int rows,
                         int inputs, int outputs) {
    const int threads = gridDim.x * blockDim.x;
    for (int index = blockIdx.x * blockDim.x + threadIdx.x; index < rows * outputs;
         index += threads) {
        const int row = index / outputs, output = index % outputs;
        float sum = 0.0f;
        for (int i = 0; i < inputs; i++) {
            sum += widen_e4m3(x[row * inputs + i]) * widen_e4m3(weight[output * inputs + i]);
        }
        sum *= *x_scale * *weight_scale;
        out[index] = narrow(sum + (bias ? widen(bias[output]) : 0.0f));
    }
}
