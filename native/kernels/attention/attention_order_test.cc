// The order of sums: the bits of a result depend on the query and the keys it sees, and on nothing else.

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_case.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::AttentionCase;
using testing::AttentionOptions;
using testing::Bias;
using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;
using testing::same_bits;

std::vector<float> rows_of(AttentionCase& c) {
  std::vector<float> rows;
  for (size_t i = 0; i < c.shape.num_queries; ++i)
    rows.insert(rows.end(), c.out_row(i), c.out_row(i) + c.shape.head_dim);
  return rows;
}

// Cuts the queries into blocks of `count` and compares with the whole call.
void expect_same_in_blocks(AttentionCase& c, size_t count) {
  c.run(c.args());
  const std::vector<float> whole = rows_of(c);
  std::fill(c.out.begin(), c.out.end(), 0.0f);
  for (size_t first = 0; first < c.shape.num_queries; first += count) {
    c.run(c.args_of(first, std::min(count, c.shape.num_queries - first)));
  }
  const std::vector<float> parts = rows_of(c);
  TRACE("%zu keys, blocks of %zu", c.shape.num_keys, count);
  EXPECT_TRUE(same_bits(whole.data(), parts.data(), whole.size()));
}

TEST(attention_of_a_query_ignores_its_company) {
  for_each_set([](const KernelSet& set) {
    for (const size_t keys : {1, 7, 16, 40, 64, 129, 769, 1100}) {
      for (const bool causal : {false, true}) {
        AttentionOptions options;
        options.bias = Bias::kDense;
        options.key_bias = true;
        options.causal_offset = causal ? static_cast<ptrdiff_t>(keys) / 2 - 20 : kNotCausal;
        AttentionCase c(set, {51, keys, 72}, options, keys);
        c.pack();
        for (size_t count = 1; count <= 26; ++count) expect_same_in_blocks(c, count);
      }
    }
  });
}

// Decoding: a query over the keys so far has the bits of its row in one causal call.
TEST(attention_step_by_step_equals_one_causal_call) {
  for_each_set([](const KernelSet& set) {
    for (const size_t length : {70, 790}) {
      AttentionOptions options;
      options.bias = Bias::kToeplitz;
      options.causal_offset = 0;
      AttentionCase whole(set, {length, length, 24}, options, 3);
      whole.pack_and_run();
      AttentionCase steps(set, {length, length, 24}, options, 3);
      for (size_t i = 0; i < length; ++i) {
        steps.kernels.pack_keys(steps.key(i), steps.k_stride, 1, 24, steps.packed.data(), i);
        AttentionArgs args = steps.args_of(i, 1);
        args.num_keys = i + 1;
        args.causal_offset = kNotCausal;
        steps.run(args);
        EXPECT_TRUE(same_bits(whole.out_row(i), steps.out_row(i), 24));
      }
    }
  });
}

TEST(attention_keys_appended_equal_keys_packed_at_once) {
  for_each_set([](const KernelSet& set) {
    Random random(5);
    for (const size_t head_dim : {1, 6, 64}) {
      for (size_t keys = 1; keys <= 90; keys += 1 + random.below(4)) {
        AttentionCase c(set, {1, keys, head_dim}, AttentionOptions(), keys);
        c.pack();
        GuardedBuffer<float> appended(c.packed.size(), 1);
        for (size_t at = 0; at < keys;) {
          const size_t count = std::min(1 + random.below(keys < 40 ? 3 : 40), keys - at);
          c.kernels.pack_keys(c.key(at), c.k_stride, count, head_dim, appended.data(), at);
          at += count;
        }
        TRACE("%zu keys of %zu channels", keys, head_dim);
        EXPECT_TRUE(appended.intact() && c.packed.intact());
        EXPECT_TRUE(appended.same_bytes(c.packed));
        // Nothing undefined is left in a panel: key j is column j % key_panel, and the columns behind the last key are
        // zero.
        const size_t panel = c.kernels.key_panel;
        for (size_t j = 0; j < c.packed.size() / head_dim; ++j) {
          for (size_t d = 0; d < head_dim; ++d) {
            EXPECT_EQ(c.packed[(j / panel * head_dim + d) * panel + j % panel], j < keys ? c.key(j)[d] : 0.0f);
          }
        }
      }
    }
  });
}

// What a shorter cache left behind in its last panel does not matter.
TEST(attention_ignores_packed_keys_behind_the_last) {
  for_each_set([](const KernelSet& set) {
    AttentionCase c(set, {6, 50, 20}, AttentionOptions(), 8);
    c.pack();
    AttentionArgs args = c.args();
    args.num_keys = 21;
    c.run(args);
    const std::vector<float> before = rows_of(c);
    for (size_t j = 21; j < 50; ++j) std::fill_n(c.key(j), 20, std::numeric_limits<float>::quiet_NaN());
    for (size_t j = 21; j < 50; ++j) std::fill_n(c.value(j), 20, std::numeric_limits<float>::quiet_NaN());
    c.pack();
    c.run(args);
    const std::vector<float> after = rows_of(c);
    EXPECT_TRUE(same_bits(before.data(), after.data(), before.size()));
  });
}

}  // namespace
}  // namespace tidemerge
