#pragma once

// One attention problem for the tests: all its arrays, guarded, misaligned, with rows further apart than they are long.
// What lies between rows is NaN in the inputs and has to stay untouched in the output.

#include <vector>

#include "base/bf16.h"
#include "kernels/attention/attention_reference.h"
#include "testing/test.h"

namespace tidemerge::testing {

enum class Bias { kNone, kDense, kShared, kToeplitz };

struct AttentionShape {
  size_t num_queries, num_keys, head_dim;
};

struct AttentionOptions {
  Bias bias = Bias::kNone;
  bool key_bias = false;
  ptrdiff_t causal_offset = kNotCausal;
  float scale = 0.25f;
};

class AttentionCase {
 public:
  AttentionCase(const KernelSet& kernel_set, AttentionShape s, AttentionOptions o, uint64_t seed = 1)
      : set(kernel_set),
        kernels(*kernel_set.attention),
        shape(s),
        options(o),
        q_stride(static_cast<ptrdiff_t>(s.head_dim) + 3),
        k_stride(static_cast<ptrdiff_t>(s.head_dim) + 1),
        v_stride(static_cast<ptrdiff_t>(s.head_dim) + 2),
        out_stride(static_cast<ptrdiff_t>(s.head_dim) + 5),
        q(extent(s.num_queries, q_stride, s.head_dim), 1),
        k(extent(s.num_keys, k_stride, s.head_dim), 3),
        v(extent(s.num_keys, v_stride, s.head_dim), 1),
        key_bias(s.num_keys, 2),
        bias(bias_size(), 3),
        packed(kernels.packed_key_floats(s.num_keys, s.head_dim), seed % 2),
        out(extent(s.num_queries, out_stride, s.head_dim), 1),
        scratch(kernels.scratch_bytes(s.num_queries, s.num_keys, s.head_dim), seed % 5) {
    Random random(seed);
    for (size_t i = 0; i < s.num_queries; ++i) random.fill_normal(query(i), s.head_dim);
    for (size_t j = 0; j < s.num_keys; ++j) random.fill_normal(key(j), s.head_dim);
    for (size_t j = 0; j < s.num_keys; ++j) random.fill_normal(value(j), s.head_dim);
    random.fill_normal(key_bias.data(), key_bias.size());
    // What no query sees stays NaN: it must not be read.
    for (size_t i = 0; i < s.num_queries; ++i) {
      for (size_t j = 0; j < seen(i) && has_bias(); ++j) bias_row(i)[j] = random.normal();
    }
  }

  bool has_bias() const { return options.bias != Bias::kNone; }
  float* query(size_t i) { return q.data() + static_cast<ptrdiff_t>(i) * q_stride; }
  float* key(size_t j) { return k.data() + static_cast<ptrdiff_t>(j) * k_stride; }
  float* value(size_t j) { return v.data() + static_cast<ptrdiff_t>(j) * v_stride; }
  float* out_row(size_t i) { return out.data() + static_cast<ptrdiff_t>(i) * out_stride; }

  // Keys that query i sees.
  size_t seen(size_t i) const {
    const ptrdiff_t last = static_cast<ptrdiff_t>(i) + options.causal_offset + 1;
    return last < 0 ? 0 : std::min(static_cast<size_t>(last), shape.num_keys);
  }

  ptrdiff_t bias_stride() const {
    if (options.bias == Bias::kDense) return static_cast<ptrdiff_t>(shape.num_keys) + 1;
    return options.bias == Bias::kToeplitz ? -1 : 0;
  }
  // A Toeplitz bias needs one number per diagonal; row 0 starts behind the diagonals below it.
  float* bias_row(size_t i) {
    float* first = options.bias == Bias::kToeplitz ? bias.data() + (shape.num_queries - 1) : bias.data();
    return first + static_cast<ptrdiff_t>(i) * bias_stride();
  }

  AttentionArgs args() {
    AttentionArgs a;
    a.q = q.data();
    a.q_stride = q_stride;
    a.num_queries = shape.num_queries;
    a.keys = packed.data();
    a.values = v.data();
    a.value_stride = v_stride;
    a.num_keys = shape.num_keys;
    a.head_dim = shape.head_dim;
    a.scale = options.scale;
    a.bias = has_bias() ? bias_row(0) : nullptr;
    a.bias_row_stride = bias_stride();
    a.key_bias = options.key_bias ? key_bias.data() : nullptr;
    a.causal_offset = options.causal_offset;
    a.out = out.data();
    a.out_stride = out_stride;
    return a;
  }

  // The same call for `count` queries from `first` on.
  AttentionArgs args_of(size_t first, size_t count) {
    AttentionArgs a = args();
    const ptrdiff_t row = static_cast<ptrdiff_t>(first);
    a.q += row * a.q_stride;
    a.num_queries = count;
    if (a.bias != nullptr) a.bias += row * a.bias_row_stride;
    a.causal_offset += row;
    a.out += row * a.out_stride;
    return a;
  }

  void pack() { kernels.pack_keys(k.data(), k_stride, shape.num_keys, shape.head_dim, packed.data(), 0); }
  void run(const AttentionArgs& a) { kernels.attend(a, scratch.data()); }
  void pack_and_run() {
    pack();
    run(args());
  }

  AttentionReference expected(size_t i) {
    return reference_attention(
        {query(i), k.data(), k_stride, v.data(), v_stride, seen(i), shape.head_dim, options.scale,
         has_bias() ? bias_row(i) : nullptr, options.key_bias ? key_bias.data() : nullptr},
        rounding_unit(set));
  }

  void check_row(size_t i) {
    const AttentionReference reference = expected(i);
    for (size_t d = 0; d < shape.head_dim; ++d) {
      if (!is_near(out_row(i)[d], reference.out[d], reference.tolerance)) {
        TRACE("%zu x %zu x %zu, query %zu, channel %zu", shape.num_queries, shape.num_keys, shape.head_dim, i, d);
        EXPECT_NEAR(out_row(i)[d], reference.out[d], reference.tolerance);
        return;
      }
    }
    count_expectation();
  }

  // All rows against the reference, and nothing else written.
  void check() {
    for (size_t i = 0; i < shape.num_queries; ++i) {
      check_row(i);
      for (ptrdiff_t d = static_cast<ptrdiff_t>(shape.head_dim); d < out_stride && i + 1 < shape.num_queries; ++d) {
        EXPECT_EQ(bits_from_f32(out_row(i)[d]), 0xffffffffu);
      }
    }
    EXPECT_TRUE(q.intact() && k.intact() && v.intact() && key_bias.intact() && bias.intact() && packed.intact());
    EXPECT_TRUE(out.intact() && scratch.intact());
  }

  const KernelSet& set;
  const AttentionKernels& kernels;
  AttentionShape shape;
  AttentionOptions options;
  ptrdiff_t q_stride, k_stride, v_stride, out_stride;
  GuardedBuffer<float> q, k, v, key_bias, bias, packed, out;
  GuardedBuffer<char> scratch;

 private:
  // The last row ends with its last element, so that the address sanitizer sees a read behind it.
  static size_t extent(size_t rows, ptrdiff_t stride, size_t columns) {
    return rows == 0 ? 0 : (rows - 1) * static_cast<size_t>(stride) + columns;
  }
  size_t bias_size() const {
    switch (options.bias) {
      case Bias::kNone: return 0;
      case Bias::kDense: return shape.num_queries * (shape.num_keys + 1);
      case Bias::kShared: return shape.num_keys;
      case Bias::kToeplitz: return shape.num_queries + shape.num_keys;
    }
    return 0;
  }
};

inline bool same_bits(const float* a, const float* b, size_t n) { return std::memcmp(a, b, n * sizeof(float)) == 0; }

}  // namespace tidemerge::testing
