// What cuBLASLt computes on a device: out = x weightᵀ + bias, summed in f32 and rounded once.
#pragma once

#include "element.cuh"

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
