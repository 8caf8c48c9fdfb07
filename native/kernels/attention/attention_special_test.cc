// NaN, infinities, excluded keys and nothing at all.

#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_case.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::AttentionCase;
using testing::AttentionOptions;
using testing::AttentionShape;
using testing::Bias;
using testing::for_each_set;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr AttentionShape kShape = {15, 40, 18};

bool all_nan(const float* row, size_t n) {
  return std::all_of(row, row + n, [](float x) { return std::isnan(x); });
}
bool all_zero(const float* row, size_t n) {
  return std::all_of(row, row + n, [](float x) { return bits_from_f32(x) == 0; });
}

AttentionOptions causal() {
  AttentionOptions options;
  options.causal_offset = 10;
  return options;
}

TEST(attention_nan_in_a_key_reaches_the_queries_that_see_it) {
  for_each_set([](const KernelSet& set) {
    for (size_t j = 5; j < 30; ++j) {
      AttentionCase c(set, kShape, causal(), 1);
      c.key(j)[3] = kNan;
      c.pack_and_run();
      c.check();
      for (size_t i = 0; i < kShape.num_queries; ++i) {
        TRACE("key %zu, query %zu", j, i);
        EXPECT_EQ(all_nan(c.out_row(i), kShape.head_dim), j <= i + 10);
      }
    }
  });
}

TEST(attention_nan_in_a_value_reaches_its_channel) {
  for_each_set([](const KernelSet& set) {
    for (size_t j = 5; j < 30; ++j) {
      const size_t channel = j % kShape.head_dim;
      AttentionCase clean(set, kShape, causal(), 1);
      clean.pack_and_run();
      AttentionCase c(set, kShape, causal(), 1);
      c.value(j)[channel] = kNan;
      c.pack_and_run();
      for (size_t i = 0; i < kShape.num_queries; ++i) {
        for (size_t d = 0; d < kShape.head_dim; ++d) {
          TRACE("value %zu, query %zu, channel %zu", j, i, d);
          if (d == channel && j <= i + 10) {
            EXPECT_TRUE(std::isnan(c.out_row(i)[d]));
          } else {
            EXPECT_EQ(c.out_row(i)[d], clean.out_row(i)[d]);
          }
        }
      }
    }
  });
}

TEST(attention_nan_in_a_value_counts_where_its_weight_vanishes) {
  for_each_set([](const KernelSet& set) {
    AttentionOptions options;
    options.key_bias = true;
    AttentionCase c(set, {3, 1100, 9}, options, 2);
    c.key_bias[4] = -1e6f;
    c.value(4)[1] = kNan;
    c.key_bias[1050] = -1e6f;
    c.value(1050)[7] = kNan;
    c.pack_and_run();
    c.check();
    EXPECT_TRUE(std::isnan(c.out_row(2)[1]) && std::isnan(c.out_row(2)[7]) && !std::isnan(c.out_row(2)[0]));
  });
}

TEST(attention_nan_in_a_query_stays_in_its_row) {
  for_each_set([](const KernelSet& set) {
    AttentionCase c(set, kShape, AttentionOptions(), 3);
    c.query(7)[17] = kNan;
    c.pack_and_run();
    c.check();
    for (size_t i = 0; i < kShape.num_queries; ++i) EXPECT_EQ(all_nan(c.out_row(i), kShape.head_dim), i == 7);
  });
}

// Every combination of excluding bias and what stands in the excluded key and value.
TEST(attention_excluded_keys_add_nothing) {
  for_each_set([](const KernelSet& set) {
    for (const bool by_key_bias : {false, true}) {
      for (const float key_content : {1.0f, kNan, kInf}) {
        for (const float value_content : {1.0f, kNan, kInf, -kInf}) {
          for (const size_t keys : {40, 850}) {
            AttentionOptions options;
            options.bias = Bias::kDense;
            options.key_bias = true;
            AttentionCase c(set, {15, keys, 18}, options, 4);
            AttentionCase clean(set, {15, keys, 18}, options, 4);
            for (AttentionCase* each : {&c, &clean}) {
              for (size_t j = 3; j < keys; j += 9) {
                if (by_key_bias) each->key_bias[j] = -kInf;
                for (size_t i = 0; i < 15; ++i) each->bias_row(i)[j] = by_key_bias ? 0.5f : -kInf;
              }
            }
            for (size_t j = 3; j < keys; j += 9) {
              std::fill_n(c.key(j), 18, key_content);
              std::fill_n(c.value(j), 18, value_content);
            }
            c.pack_and_run();
            c.check();
            clean.pack_and_run();
            TRACE("by key bias %d, key %g, value %g", by_key_bias, key_content, value_content);
            for (size_t i = 0; i < 15; ++i) EXPECT_TRUE(testing::same_bits(c.out_row(i), clean.out_row(i), 18));
          }
        }
      }
    }
  });
}

TEST(attention_without_a_key_is_zero) {
  for_each_set([](const KernelSet& set) {
    AttentionCase none(set, {17, 0, 11}, AttentionOptions(), 5);
    none.run(none.args());
    none.check();
    for (size_t i = 0; i < 17; ++i) EXPECT_TRUE(all_zero(none.out_row(i), 11));

    AttentionOptions before;
    before.causal_offset = -5;
    AttentionCase unseen(set, {17, 9, 11}, before, 5);
    unseen.pack_and_run();
    unseen.check();
    for (size_t i = 0; i < 17; ++i) EXPECT_EQ(all_zero(unseen.out_row(i), 11), i < 5);

    for (const size_t keys : {1, 40, 1030}) {
      for (const float content : {1.0f, kNan}) {
        AttentionOptions options;
        options.bias = Bias::kDense;
        AttentionCase excluded(set, {17, keys, 11}, options, 5);
        std::fill_n(excluded.bias_row(6), keys, -kInf);
        for (size_t j = 0; j < keys; ++j) excluded.value(j)[2] = content;
        excluded.pack_and_run();
        excluded.check();
        for (size_t i = 0; i < 17; ++i) EXPECT_EQ(all_zero(excluded.out_row(i), 11), i == 6);
      }
    }
  });
}

// The first key block excluded altogether, the second not, and the other way round.
TEST(attention_with_an_excluded_key_block) {
  for_each_set([](const KernelSet& set) {
    for (const size_t start : {0, 768}) {
      AttentionOptions options;
      options.key_bias = true;
      AttentionCase c(set, {3, 1536, 5}, options, 6);
      std::fill_n(&c.key_bias[start], 768, -kInf);
      c.pack_and_run();
      c.check();
    }
  });
}

TEST(attention_of_infinite_scores) {
  for_each_set([](const KernelSet& set) {
    for (const size_t j : {0, 39, 800}) {
      AttentionOptions options;
      options.key_bias = true;
      AttentionCase c(set, {4, 801, 6}, options, 7);
      c.key_bias[j] = kInf;
      c.pack_and_run();
      c.check();
      for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(all_nan(c.out_row(i), 6));
    }
    // A product of -inf excludes like a bias: half of the queries see one, the other half +inf.
    AttentionCase c(set, {4, 30, 1}, AttentionOptions(), 8);
    c.key(9)[0] = kInf;
    c.value(9)[0] = kNan;
    for (size_t i = 0; i < 4; ++i) c.query(i)[0] = i < 2 ? -1.0f : 1.0f;
    c.pack_and_run();
    c.check();
    EXPECT_TRUE(!std::isnan(c.out_row(0)[0]) && std::isnan(c.out_row(3)[0]));
  });
}

TEST(attention_of_infinite_values) {
  for_each_set([](const KernelSet& set) {
    AttentionCase c(set, kShape, AttentionOptions(), 9);
    c.value(3)[0] = kInf;
    c.value(20)[1] = -kInf;
    c.value(3)[2] = kInf;
    c.value(20)[2] = -kInf;
    c.pack_and_run();
    c.check();
    EXPECT_EQ(c.out_row(2)[0], kInf);
    EXPECT_EQ(c.out_row(2)[1], -kInf);
    EXPECT_TRUE(std::isnan(c.out_row(2)[2]));
  });
}

}  // namespace
}  // namespace tidemerge
