// What is applied to each value of a product after the bias.
#pragma once

#include "device.cuh"

struct Identity {
    __device__ static float apply(float x) { return x; }
};

// x Φ(x) with the exact error function, never the tanh form.
struct Gelu {
    __device__ static float apply(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678f)); }
};

// The tanh form, which Hugging Face calls `gelu_new` and `gelu_pytorch_tanh`.
struct GeluTanh {
    __device__ static float apply(float x) {
        return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    }
};

struct Relu {
    __device__ static float apply(float x) { return fmaxf(x, 0.0f); }
};

struct Tanh {
    __device__ static float apply(float x) { return tanhf(x); }
};
