// Attention on bf16 keys and values: against the reference on rounded inputs, and the guarantees of the float form.

#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_case.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::AttentionCase;
using testing::AttentionOptions;
using testing::AttentionReference;
using testing::AttentionShape;
using testing::Bias;
using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;
using testing::same_bits;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// The float case with its keys and values rounded and packed as bf16 beside it.
class Bf16Case : public AttentionCase {
 public:
  Bf16Case(const KernelSet& kernel_set, AttentionShape s, AttentionOptions o, uint64_t seed = 1)
      : AttentionCase(kernel_set, s, o, seed),
        packed_keys(kernels.packed_key_bf16s(s.num_keys, s.head_dim), 2 * (seed % 2)),
        packed_values(kernels.packed_value_bf16s(s.num_keys, s.head_dim), 2),
        bf16_scratch(kernels.scratch_bytes_bf16(s.num_queries, s.num_keys, s.head_dim), seed % 5) {}

  // Rounds in place too, so that the reference sees what the kernel multiplies.
  void round() {
    for (GuardedBuffer<float>* buffer : {&q, &k, &v}) {
      for (float& x : *buffer) x = f32_from_bf16(bf16_from_f32(x));
    }
  }
  void pack_range(size_t at, size_t count) {
    kernels.pack_keys_bf16(key(at), k_stride, count, shape.head_dim, packed_keys.data(), at);
    kernels.pack_values_bf16(value(at), v_stride, count, shape.head_dim, packed_values.data(), at);
  }

  AttentionBf16Args bf16_args(size_t first, size_t count) {
    const AttentionArgs f = args_of(first, count);
    return {f.q,        f.q_stride,  count,  packed_keys.data(), packed_values.data(), f.num_keys,
            f.head_dim, f.scale,     f.bias, f.bias_row_stride,  f.key_bias,           f.causal_offset,
            f.out,      f.out_stride};
  }
  void run_bf16(const AttentionBf16Args& a) { kernels.attend_bf16(a, bf16_scratch.data()); }
  void run_all() {
    pack_range(0, shape.num_keys);
    run_bf16(bf16_args(0, shape.num_queries));
  }

  // On top of the float error every weight is rounded by at most 2^-8 of itself; numerator and denominator use the same
  // rounded weights. Products and sums below 2^-126 may be flushed to zero.
  void check_bf16() {
    for (size_t i = 0; i < shape.num_queries; ++i) {
      const AttentionReference reference = expected(i);
      double largest = 0;
      for (size_t j = 0; j < shape.num_keys; ++j) {
        for (size_t d = 0; d < shape.head_dim; ++d) {
          if (std::isfinite(value(j)[d])) largest = std::max(largest, std::fabs(static_cast<double>(value(j)[d])));
        }
      }
      const double tolerance = reference.tolerance + 0x1p-7 * largest + static_cast<double>(seen(i)) * 0x1p-126;
      for (size_t d = 0; d < shape.head_dim; ++d) {
        TRACE("%zu x %zu x %zu, query %zu, channel %zu", shape.num_queries, shape.num_keys, shape.head_dim, i, d);
        EXPECT_NEAR(out_row(i)[d], reference.out[d], tolerance);
      }
    }
    EXPECT_TRUE(packed_keys.intact() && packed_values.intact() && bf16_scratch.intact());
    EXPECT_TRUE(q.intact() && out.intact() && bias.intact() && key_bias.intact());
  }

  GuardedBuffer<uint16_t> packed_keys, packed_values;
  GuardedBuffer<char> bf16_scratch;
};

AttentionOptions options_of(size_t seed) {
  AttentionOptions options;
  options.bias = static_cast<Bias>(seed % 4);
  options.key_bias = seed % 3 == 0;
  if (seed % 5 < 2) options.causal_offset = static_cast<ptrdiff_t>(seed % 7) - 2;
  return options;
}

void check(const KernelSet& set, AttentionShape shape, size_t seed) {
  Bf16Case c(set, shape, options_of(seed), seed);
  c.round();
  c.run_all();
  c.check_bf16();
}

TEST(attention_bf16_every_head_dim) {
  for_each_set([](const KernelSet& set) {
    size_t seed = 0;
    for (size_t head_dim = 1; head_dim <= 67; ++head_dim) {
      for (const size_t queries : {1, 3, 14}) check(set, {queries, 37, head_dim}, ++seed);
    }
    for (const size_t head_dim : {80, 127, 128, 129, 256, 300}) {
      for (const size_t queries : {1, 13}) check(set, {queries, 38, head_dim}, ++seed);
    }
  });
}

TEST(attention_bf16_every_number_of_queries_and_keys) {
  for_each_set([](const KernelSet& set) {
    size_t seed = 1000;
    for (size_t queries = 0; queries <= 50; ++queries) check(set, {queries, 71, 12}, ++seed);
    for (size_t keys = 0; keys <= 80; ++keys) {
      for (const size_t queries : {1, 2, 16}) check(set, {queries, keys, 9}, ++seed);
    }
    for (const size_t keys : {513, 767, 768, 769, 770, 801, 1537}) {
      for (const size_t queries : {1, 26}) check(set, {queries, keys, 20}, ++seed);
    }
  });
}

// A query of zeros gives every key the weight 1, exactly: only the sums of values round. Tight where the test above is
// not.
TEST(attention_bf16_of_equal_weights) {
  for_each_set([](const KernelSet& set) {
    for (const size_t keys : {1, 2, 31, 32, 33, 64, 513, 800}) {
      for (const size_t queries : {1, 13}) {
        Bf16Case c(set, {queries, keys, 33}, AttentionOptions(), keys);
        std::fill(c.q.begin(), c.q.end(), 0.0f);
        c.round();
        c.run_all();
        for (size_t i = 0; i < queries; ++i) c.check_row(i);
      }
    }
  });
}

// Values that are unit vectors show the weights: each within its rounding and that of the sum.
TEST(attention_bf16_weights) {
  for_each_set([](const KernelSet& set) {
    constexpr size_t kKeys = 45;
    AttentionOptions options;
    options.bias = Bias::kDense;
    Bf16Case c(set, {9, kKeys, kKeys}, options, 2);
    std::fill(c.v.begin(), c.v.end(), 0.0f);
    for (size_t j = 0; j < kKeys; ++j) c.value(j)[j] = 1.0f;
    c.round();
    c.run_all();
    for (size_t i = 0; i < 9; ++i) {
      const AttentionReference reference = c.expected(i);
      for (size_t d = 0; d < kKeys; ++d) {
        const double tolerance = reference.out[d] * (2 * 0x1p-8 + reference.tolerance);
        EXPECT_NEAR(c.out_row(i)[d], reference.out[d], tolerance);
      }
    }
  });
}

TEST(attention_bf16_of_a_query_ignores_its_company) {
  for_each_set([](const KernelSet& set) {
    for (const size_t keys : {5, 40, 63, 800}) {
      for (const ptrdiff_t offset : {kNotCausal, static_cast<ptrdiff_t>(0), static_cast<ptrdiff_t>(7)}) {
        AttentionOptions options;
        options.bias = Bias::kToeplitz;
        options.causal_offset = offset;
        Bf16Case whole(set, {29, keys, 40}, options, keys);
        Bf16Case parts(set, {29, keys, 40}, options, keys);
        whole.run_all();
        parts.pack_range(0, keys);
        for (size_t count = 1; count <= 25; count += 1 + count / 6) {
          for (size_t first = 0; first < 29; first += count) {
            parts.run_bf16(parts.bf16_args(first, std::min<size_t>(count, 29 - first)));
          }
          for (size_t i = 0; i < 29; ++i) EXPECT_TRUE(same_bits(whole.out_row(i), parts.out_row(i), 40));
        }
      }
    }
  });
}

TEST(attention_bf16_step_by_step_equals_one_causal_call) {
  for_each_set([](const KernelSet& set) {
    constexpr size_t kLength = 70, kHeadDim = 23;
    AttentionOptions options;
    options.causal_offset = 0;
    Bf16Case whole(set, {kLength, kLength, kHeadDim}, options, 3);
    whole.run_all();
    Bf16Case steps(set, {kLength, kLength, kHeadDim}, options, 3);
    for (size_t i = 0; i < kLength; ++i) {
      steps.pack_range(i, 1);
      AttentionBf16Args args = steps.bf16_args(i, 1);
      args.num_keys = i + 1;
      steps.run_bf16(args);
      EXPECT_TRUE(same_bits(whole.out_row(i), steps.out_row(i), kHeadDim));
    }
    EXPECT_TRUE(steps.packed_keys.same_bytes(whole.packed_keys));
  });
}

TEST(attention_bf16_packing) {
  for_each_set([](const KernelSet& set) {
    Random random(4);
    for (const size_t head_dim : {1, 2, 5, 16, 33, 64, 130}) {
      for (size_t keys = 1; keys <= 70; keys += 1 + random.below(5)) {
        Bf16Case at_once(set, {1, keys, head_dim}, AttentionOptions(), keys);
        Bf16Case appended(set, {1, keys, head_dim}, AttentionOptions(), keys);
        at_once.pack_range(0, keys);
        for (size_t at = 0; at < keys;) {
          const size_t count = std::min(1 + random.below(keys < 30 ? 3 : 25), keys - at);
          appended.pack_range(at, count);
          at += count;
        }
        TRACE("%zu keys of %zu channels", keys, head_dim);
        EXPECT_TRUE(appended.packed_keys.intact() && appended.packed_values.intact());
        EXPECT_TRUE(appended.packed_keys.same_bytes(at_once.packed_keys));
        EXPECT_TRUE(appended.packed_values.same_bytes(at_once.packed_values));
        const size_t panel = set.attention->key_panel, width = set.attention->value_width;
        const size_t channels = (head_dim + 1) / 2 * 2, row = (head_dim + width - 1) / width * width;
        for (size_t j = 0; j < (keys + panel - 1) / panel * panel; ++j) {
          for (size_t d = 0; d < channels; ++d) {
            const uint16_t expected = j < keys && d < head_dim ? bf16_from_f32(at_once.key(j)[d]) : uint16_t{0};
            EXPECT_EQ(at_once.packed_keys[((j / panel * channels / 2 + d / 2) * panel + j % panel) * 2 + d % 2],
                      expected);
          }
        }
        for (size_t j = 0; j < (keys + 1) / 2 * 2; ++j) {
          for (size_t d = 0; d < row; ++d) {
            const uint16_t expected = j < keys && d < head_dim ? bf16_from_f32(at_once.value(j)[d]) : uint16_t{0};
            EXPECT_EQ(at_once.packed_values[(j / 2 * row + d) * 2 + j % 2], expected);
          }
        }
      }
    }
  });
}

// Pairs of keys of which a query sees one: the other one's NaN must not reach it.
TEST(attention_bf16_nan) {
  for_each_set([](const KernelSet& set) {
    AttentionOptions options;
    options.causal_offset = 10;
    for (size_t j = 8; j < 30; ++j) {
      for (const bool in_value : {false, true}) {
        Bf16Case clean(set, {17, 40, 18}, options, 5);
        clean.run_all();
        Bf16Case c(set, {17, 40, 18}, options, 5);
        (in_value ? c.value(j) : c.key(j))[4] = kNan;
        c.run_all();
        for (size_t i = 0; i < 17; ++i) {
          for (size_t d = 0; d < 18; ++d) {
            TRACE("key %zu, in value %d, query %zu, channel %zu", j, in_value, i, d);
            if (j <= i + 10 && (d == 4 || !in_value)) {
              EXPECT_TRUE(std::isnan(c.out_row(i)[d]));
            } else {
              EXPECT_EQ(c.out_row(i)[d], clean.out_row(i)[d]);
            }
          }
        }
      }
    }
  });
}

TEST(attention_bf16_excluded_keys_add_nothing) {
  for_each_set([](const KernelSet& set) {
    for (const float content : {1.0f, kNan, kInf}) {
      AttentionOptions options;
      options.bias = Bias::kDense;
      options.key_bias = true;
      Bf16Case clean(set, {15, 851, 19}, options, 6);
      Bf16Case c(set, {15, 851, 19}, options, 6);
      for (Bf16Case* each : {&clean, &c}) {
        std::fill_n(each->bias_row(4), 851, -kInf);
        for (size_t j = 3; j < 851; j += 3) each->key_bias[j] = -kInf;
      }
      for (size_t j = 3; j < 851; j += 3) {
        std::fill_n(c.key(j), 19, content);
        std::fill_n(c.value(j), 19, content);
      }
      clean.run_all();
      c.run_all();
      for (size_t i = 0; i < 15; ++i) {
        TRACE("content %g, query %zu", content, i);
        EXPECT_TRUE(same_bits(c.out_row(i), clean.out_row(i), 19));
        if (i == 4) EXPECT_EQ(c.out_row(i)[7], 0.0f);
      }
    }
  });
}

}  // namespace
}  // namespace tidemerge
