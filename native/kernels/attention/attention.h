// Attention of one head: a block of queries against packed keys and values.
//
//   score[i, j] = scale * sum_d q[i, d] * k[j, d] + bias[i, j] + key_bias[j]
//   out[i, d]   = sum_j exp(score[i, j]) * v[j, d]  /  sum_j exp(score[i, j])      over the keys j that query i sees
//
// Query i sees the keys j < num_keys with j <= i + causal_offset. T5 passes scale 1 and its relative position bias,
// other models scale = 1/sqrt(head_dim) and no bias. Merged tokens pass key_bias[j] = log(size of token j).
//
// Order of sums. Every sum runs over ascending d, or over the keys in an order that depends on the key index alone. A
// query gives the same bits alone, anywhere in a block of queries, and whether or not later keys, which it does not
// see, are present: decoding step by step equals one causal call over the whole sequence. Results differ between sets.
//
// Special values.
//   score -inf   the key is excluded: it adds exactly nothing, whatever its value row holds (NaN and infinity
//   included).
//                A bias or key_bias of -inf excludes the key whatever its key row holds.
//   no key left  (num_keys 0, causal_offset too small, all excluded) the output row is zeros.
//   NaN          in a seen, not excluded key, its biases or the query: the whole output row is NaN; in its value: the
//                channels it stands in are NaN, also where its weight underflows to 0.
//   score +inf   gives a row of NaN, as +inf - +inf. Infinite values give infinity or NaN by the usual rules.
// Error of float attention, to first order, with u = 2^-24 (2^-23 on `baseline`, which has no fused multiply-add), n
// keys and S the largest scale * sum_d |q k| + |bias| + |key_bias| of the row:
//   |out - exact| <= u max|v| (2 (head_dim + 10) S + 2 n + 24 + floor((n - 1) / 768) (14 S + 18)).
// A key whose score is more than 87 below the maximum may count as 0. Sums of weights (at most 1) times values must not
// overflow: |v| < 2^127 / n is safe. bf16: at most 2^-7 max|v| more, for inputs that are bf16 already.
//
// Inputs may have any alignment (64 bytes is fastest for packed data and values) and must not overlap out or scratch.
// Strides count elements and may be negative. Nothing outside the stated rows is read; bias is read only where query i
// sees key j.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemerge {

constexpr ptrdiff_t kNotCausal = PTRDIFF_MAX / 2;

struct AttentionArgs {
  const float* q;  // [num_queries, head_dim]
  ptrdiff_t q_stride;
  size_t num_queries;
  const float* keys;    // packed by pack_keys
  const float* values;  // [num_keys, head_dim]
  ptrdiff_t value_stride;
  size_t num_keys;
  size_t head_dim;
  float scale;
  const float* bias;          // bias[i * bias_row_stride + j], or null
  ptrdiff_t bias_row_stride;  // -1 reads a relative position (Toeplitz) bias without materialising it; 0: same for all
  const float* key_bias;      // [num_keys], or null
  ptrdiff_t causal_offset;    // query i sees keys j <= i + causal_offset; kNotCausal: all; may be negative
  float* out;                 // [num_queries, head_dim]
  ptrdiff_t out_stride;
};

// The same call on bf16 keys and values. Queries and outputs stay float in memory.
struct AttentionBf16Args {
  const float* q;
  ptrdiff_t q_stride;
  size_t num_queries;
  const uint16_t* keys;    // packed by pack_keys_bf16
  const uint16_t* values;  // packed by pack_values_bf16
  size_t num_keys;
  size_t head_dim;
  float scale;
  const float* bias;
  ptrdiff_t bias_row_stride;
  const float* key_bias;
  ptrdiff_t causal_offset;
  float* out;
  ptrdiff_t out_stride;
};

// Packed keys are panels of key_panel keys: [ceil(num_keys / key_panel)][head_dim][key_panel]; key j is column
// j % key_panel of panel j / key_panel. A cache is packed once and appended to in place: packing the keys [at, at +
// count) leaves the keys before `at` untouched, and gives the same bits whether keys arrive at once or one by one,
// ascending. The columns after the last key of a panel are zeroed when its first key arrives and never take part in a
// result.
//
// bf16 keys hold pairs of channels: [panel][ceil(head_dim / 2)][key_panel][2]; bf16 values hold pairs of keys:
// [ceil(num_keys / 2)][head_dim rounded up to value_width][2]. Both are packed from float, rounded to nearest even, and
// start at a multiple of four bytes.
//
// Which to use: float keys and values where results should equal float arithmetic. bf16 in models that run in bf16: the
// caches are half as large on every set, which is what counts when decoding. Queries and the weights exp(score - max)
// are rounded to bf16, sums are float. With has_bf16_dot the products are vdpbf16ps (denormal inputs count as zero),
// otherwise the same rounded numbers are multiplied as floats after widening: results agree within the order of
// rounding. The layout is the same for both. Whether vdpbf16ps is faster is the CPU's affair: twice the rate of float
// on AMD Zen 4 and 5, half the rate on some Intel cores, where the set avx512_vnni does bf16 faster, near the rate of
// float.
struct AttentionKernels {
  size_t key_panel;
  size_t value_width;
  bool has_bf16_dot;

  size_t (*packed_key_floats)(size_t num_keys, size_t head_dim);
  void (*pack_keys)(const float* k, ptrdiff_t k_stride, size_t count, size_t head_dim, float* packed,
                    size_t at /* first key index written */);
  // Bytes of scratch, of any alignment, for calls of attend with at most these counts. One scratch per thread; nothing
  // is kept in it between calls.
  size_t (*scratch_bytes)(size_t num_queries, size_t num_keys, size_t head_dim);
  void (*attend)(const AttentionArgs&, void* scratch);

  size_t (*packed_key_bf16s)(size_t num_keys, size_t head_dim);
  size_t (*packed_value_bf16s)(size_t num_keys, size_t head_dim);
  void (*pack_keys_bf16)(const float* k, ptrdiff_t k_stride, size_t count, size_t head_dim, uint16_t* packed,
                         size_t at);
  void (*pack_values_bf16)(const float* v, ptrdiff_t v_stride, size_t count, size_t head_dim, uint16_t* packed,
                           size_t at);
  size_t (*scratch_bytes_bf16)(size_t num_queries, size_t num_keys, size_t head_dim);
  void (*attend_bf16)(const AttentionBf16Args&, void* scratch);
};

}  // namespace tidemerge
