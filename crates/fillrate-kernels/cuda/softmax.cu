// Softmax over each row in place, one row a warp. x: f32 [rows, width].
#include "device.cuh"

KERNEL void softmax(float* x, int rows, int width) {
    const int row_index = blockIdx.x * warps_of_block() + warp_of_block();
    if (row_index >= rows) return;
    float* row = x + static_cast<size_t>(row_index) * width;
    float largest = minus_infinity();
    for (int i = lane_of_warp(); i < width; i += WARP) largest = fmaxf(largest, row[i]);
    largest = warp_max(largest);
    float total = 0.0f;
    for (int i = lane_of_warp(); i < width; i += WARP) total += expf(row[i] - largest);
    total = warp_sum(total);
    for (int i = lane_of_warp(); i < width; i += WARP) row[i] = expf(row[i] - largest) / total;
}
