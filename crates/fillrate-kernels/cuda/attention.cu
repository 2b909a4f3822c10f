// softmax(q kᵀ / √d) v within each sequence and head, over packed sequences.
//
// q: elements [tokens, q_stride], the heads side by side from the pointer on; k, v: elements
// [tokens, kv_stride] likewise; cu_seqlens: u32 [sequences + 1]; out: elements
// [tokens, heads * dim]. `scale` is log2(e) / √dim. Grid (sequences, heads).
#include "attention.cuh"

// The keys that a block of `attention_tiled` has in shared memory at a time, and its queries.
constexpr int KEY_TILE = 64;
constexpr int QUERY_BLOCK = 64;

// Whole heads in shared memory: 2 * PITCH elements for each key of the longest sequence, rounded up
// to KEY_STEP. Warps take the queries in turn.
template <int PAD>
__device__ inline void attend_whole(const Element* q, const Element* k, const Element* v,
                                 const unsigned* cu_seqlens, Element* out, int q_stride,
                                 int kv_stride, int dim, float scale) {
    DYNAMIC_SHARED(shared);
    const size_t begin = cu_seqlens[blockIdx.x];
    const int length = static_cast<int>(cu_seqlens[blockIdx.x + 1] - begin);
    // The whole block leaves.
    if (length == 0) return;
    const int rows = (length + KEY_STEP - 1) / KEY_STEP * KEY_STEP;
    const int column = blockIdx.y * dim, hidden = gridDim.y * dim;
    Element* keys = reinterpret_cast<Element*>(shared);
    Element* values = keys + rows * PITCH<PAD>;
    load_rows<PAD>(Head{k + begin * kv_stride + column, kv_stride, dim}, 0, rows, length, keys);
    load_rows<PAD>(Head{v + begin * kv_stride + column, kv_stride, dim}, 0, rows, length, values);
    __syncthreads();
    const Head query{q + begin * q_stride + column, q_stride, dim};
    for (int from = warp_of_block() * QUERY_TILE; from < length;
         from += warps_of_block() * QUERY_TILE) {
        Queries<PAD> queries;
        queries.load(query, from, length);
        Gathered<PAD> gathered;
        gathered.clear();
        for (int key = 0; key < length; key += KEY_STEP) {
            gathered.attend(queries, keys + key * PITCH<PAD>, values + key * PITCH<PAD>,
                            min(KEY_STEP, length - key), scale);
        }
        gathered.store(out + begin * hidden + column, hidden, dim, from, length);
    }
}

// KEY_TILE keys in shared memory at a time, for sequences of any length: 2 * KEY_TILE * PITCH
// elements. QUERY_BLOCK / QUERY_TILE warps; the grid's third dimension counts blocks of queries.
template <int PAD>
__device__ inline void attend_tiled(const Element* q, const Element* k, const Element* v,
                                 const unsigned* cu_seqlens, Element* out, int q_stride,
                                 int kv_stride, int dim, float scale) {
    DYNAMIC_SHARED(shared);
    const size_t begin = cu_seqlens[blockIdx.x];
    const int length = static_cast<int>(cu_seqlens[blockIdx.x + 1] - begin);
    if (static_cast<int>(blockIdx.z) * QUERY_BLOCK >= length) return;
    const int column = blockIdx.y * dim, hidden = gridDim.y * dim;
    const Head key_head{k + begin * kv_stride + column, kv_stride, dim};
    const Head value_head{v + begin * kv_stride + column, kv_stride, dim};
    Element* keys = reinterpret_cast<Element*>(shared);
    Element* values = keys + KEY_TILE * PITCH<PAD>;
    const int from = blockIdx.z * QUERY_BLOCK + warp_of_block() * QUERY_TILE;
    Queries<PAD> queries;
    queries.load(Head{q + begin * q_stride + column, q_stride, dim}, from, length);
    Gathered<PAD> gathered;
    gathered.clear();
    for (int tile = 0; tile < length; tile += KEY_TILE) {
        load_rows<PAD>(key_head, tile, KEY_TILE, length, keys);
        load_rows<PAD>(value_head, tile, KEY_TILE, length, values);
        __syncthreads();
        const int end = min(KEY_TILE, length - tile);
        // A warp whose queries lie past the sequence's end has only helped to load.
        for (int key = 0; key < end && from < length; key += KEY_STEP) {
            gathered.attend(queries, keys + key * PITCH<PAD>, values + key * PITCH<PAD>,
                            min(KEY_STEP, end - key), scale);
        }
        __syncthreads();
    }
    if (from < length) {
        gathered.store(out + begin * hidden + column, hidden, dim, from, length);
    }
}

// The first query of each sequence alone, which is all that a classifier reads of the last layer: a
// warp for each head. q: elements [sequences, q_stride]; out: elements [sequences, heads * dim].
// Grid (sequences, heads in groups of a block's warps). Shared memory, a warp: PAD floats for
// the query, and one for each key of the longest sequence, `longest`.
template <int PAD>
__device__ inline void attend_first(const Element* q, const Element* k, const Element* v,
                                    const unsigned* cu_seqlens, Element* out, int q_stride,
                                    int kv_stride, int heads, int dim, int longest, float scale) {
    DYNAMIC_SHARED(shared);
    const int head = blockIdx.y * warps_of_block() + warp_of_block();
    const size_t begin = cu_seqlens[blockIdx.x];
    const int length = static_cast<int>(cu_seqlens[blockIdx.x + 1] - begin);
    if (head >= heads || length == 0) return;
    float* query = reinterpret_cast<float*>(shared) + warp_of_block() * (PAD + longest);
    float* weights = query + PAD;
    const size_t column = static_cast<size_t>(head) * dim;
    const Head keys{k + begin * kv_stride + column, kv_stride, dim};
    const Head values{v + begin * kv_stride + column, kv_stride, dim};
    const Element* from = q + static_cast<size_t>(blockIdx.x) * q_stride + column;
    for (int i = lane_of_warp(); i < dim; i += WARP) query[i] = widen(from[i]);
    __syncwarp();
    float largest = minus_infinity();
    for (int key = lane_of_warp(); key < length; key += WARP) {
        float score = 0.0f;
        for (int i = 0; i < dim; i += 2) {
            const unsigned pair = load_pair(keys, key, i, length);
            score += query[i] * widen_low(pair);
            if (i + 1 < dim) score += query[i + 1] * widen_high(pair);
        }
        weights[key] = score * scale;
        largest = fmaxf(largest, score * scale);
    }
    largest = warp_max(largest);
    float total = 0.0f;
    for (int key = lane_of_warp(); key < length; key += WARP) {
        weights[key] = exp2f(weights[key] - largest);
        total += weights[key];
    }
    total = warp_sum(total);
    __syncwarp();
    Element* to = out + static_cast<size_t>(blockIdx.x) * heads * dim + column;
    for (int i = lane_of_warp(); i < dim; i += WARP) {
        float sum = 0.0f;
        for (int key = 0; key < length; key++) sum += weights[key] * widen(values.row(key)[i]);
        to[i] = narrow(sum / total);
    }
}

// The width that heads are padded to is settled when a program is compiled for a model.
#ifndef HEAD_PAD
#error "define HEAD_PAD"
#endif

KERNEL void __launch_bounds__(256)
    attention_whole(const Element* q, const Element* k, const Element* v,
                    const unsigned* cu_seqlens, Element* out, int q_stride, int kv_stride, int dim,
                    float scale) {
    attend_whole<HEAD_PAD>(q, k, v, cu_seqlens, out, q_stride, kv_stride, dim, scale);
}

KERNEL void __launch_bounds__(128)
    attention_tiled(const Element* q, const Element* k, const Element* v,
                    const unsigned* cu_seqlens, Element* out, int q_stride, int kv_stride, int dim,
                    float scale) {
    attend_tiled<HEAD_PAD>(q, k, v, cu_seqlens, out, q_stride, kv_stride, dim, scale);
}

KERNEL void __launch_bounds__(128)
    attention_first(const Element* q, const Element* k, const Element* v,
                    const unsigned* cu_seqlens, Element* out, int q_stride, int kv_stride,
                    int heads, int dim, int longest, float scale) {
    attend_first<HEAD_PAD>(q, k, v, cu_seqlens, out, q_stride, kv_stride, heads, dim, longest,
                           scale);
}
