// A bar a thread: a block has bars of one series (its place in the grid's y). starts: u64 [series + 1], where
// each series begins in its column, and the end of the last.
#pragma once

#include "doubles.cuh"

// The bar of a thread.
struct Bar {
    // Of the series in its column, and of the bar in its series.
    unsigned long long start;
    long long at;
    bool is_any;

    __device__ explicit Bar(const unsigned long long* starts)
        : start(starts[blockIdx.y]),
          at(static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) {
        is_any = at < static_cast<long long>(starts[blockIdx.y + 1] - start);
    }
};
