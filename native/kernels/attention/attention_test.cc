// Attention against the double-precision reference: every size of tile and tail, every kind of bias and mask.

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
using testing::Random;

void check(const KernelSet& set, AttentionShape shape, AttentionOptions options, uint64_t seed) {
  AttentionCase c(set, shape, options, seed);
  c.pack_and_run();
  c.check();
}

// Different for every seed: biases and causal borders before, on and behind the diagonal.
AttentionOptions any_options(uint64_t seed, AttentionShape shape) {
  Random random(seed);
  AttentionOptions options;
  options.bias = static_cast<Bias>(random.below(4));
  options.key_bias = random.below(2) == 0;
  options.scale = random.uniform(-0.5f, 0.5f);
  const ptrdiff_t keys = static_cast<ptrdiff_t>(shape.num_keys);
  const ptrdiff_t queries = static_cast<ptrdiff_t>(shape.num_queries);
  switch (random.below(5)) {
    case 0: options.causal_offset = 0; break;
    case 1: options.causal_offset = keys - queries; break;
    case 2: options.causal_offset = static_cast<ptrdiff_t>(random.below(shape.num_keys + 1)); break;
    case 3: options.causal_offset = -1 - static_cast<ptrdiff_t>(random.below(shape.num_queries)); break;
    default: break;
  }
  return options;
}

TEST(attention_every_head_dim) {
  for_each_set([](const KernelSet& set) {
    uint64_t seed = 0;
    for (size_t head_dim = 1; head_dim <= 70; ++head_dim) {
      for (const size_t queries : {1, 4, 14}) {
        const AttentionShape shape = {queries, 37, head_dim};
        ++seed;
        check(set, shape, any_options(seed, shape), seed);
      }
    }
    for (const size_t head_dim : {80, 96, 100, 112, 127, 128, 129, 192, 255, 256, 300}) {
      for (const size_t queries : {1, 2, 3, 13}) {
        const AttentionShape shape = {queries, 41, head_dim};
        ++seed;
        check(set, shape, any_options(seed, shape), seed);
      }
    }
  });
}

TEST(attention_every_number_of_queries) {
  for_each_set([](const KernelSet& set) {
    uint64_t seed = 100;
    for (size_t queries = 0; queries <= 52; ++queries) {
      for (const size_t head_dim : {16, 21}) {
        const AttentionShape shape = {queries, 70, head_dim};
        ++seed;
        check(set, shape, queries == 0 ? AttentionOptions() : any_options(seed, shape), seed);
      }
    }
  });
}

TEST(attention_every_number_of_keys) {
  for_each_set([](const KernelSet& set) {
    uint64_t seed = 200;
    for (size_t keys = 0; keys <= 140; ++keys) {
      for (const size_t queries : {1, 2, 3, 5, 15}) {
        const AttentionShape shape = {queries, keys, 10};
        ++seed;
        check(set, shape, any_options(seed, shape), seed);
      }
    }
  });
}

// Key blocks of 768: sums are rescaled when the maximum rises from one block to the next.
TEST(attention_across_key_blocks) {
  for_each_set([](const KernelSet& set) {
    uint64_t seed = 300;
    for (const size_t keys : {513, 767, 768, 769, 784, 786, 800, 801, 1535, 1536, 1537, 1600}) {
      for (const size_t queries : {1, 20, 27}) {
        const AttentionShape shape = {queries, keys, 19};
        ++seed;
        check(set, shape, any_options(seed, shape), seed);
        AttentionOptions options;
        options.key_bias = true;
        for (const float slope : {0.02f, -0.02f}) {
          AttentionCase c(set, shape, options, seed);
          for (size_t j = 0; j < keys; ++j) c.key_bias[j] = slope * static_cast<float>(j);
          c.pack_and_run();
          c.check();
        }
      }
    }
  });
}

TEST(attention_of_an_encoder) {
  for_each_set([](const KernelSet& set) {
    for (const ptrdiff_t causal_offset : {kNotCausal, static_cast<ptrdiff_t>(0)}) {
      AttentionOptions options;
      options.bias = Bias::kToeplitz;
      options.scale = 1.0f;
      options.causal_offset = causal_offset;
      AttentionCase c(set, {257, 257, 64}, options, 7);
      for (float& x : c.q) x *= 0.2f;
      c.pack_and_run();
      c.check();
    }
  });
}

// Scores near the end of the range of exp must not overflow, nor vanish together.
TEST(attention_of_large_scores) {
  for_each_set([](const KernelSet& set) {
    for (const float size : {-3e4f, -200.0f, 200.0f, 3e4f}) {
      AttentionOptions options;
      options.key_bias = true;
      AttentionCase c(set, {5, 77, 16}, options, 11);
      for (float& x : c.key_bias) x += size;
      c.pack_and_run();
      c.check();
    }
  });
}

TEST(attention_of_denormals) {
  for_each_set([](const KernelSet& set) {
    AttentionCase c(set, {5, 33, 17}, AttentionOptions(), 12);
    for (size_t j = 0; j < 33; ++j) {
      for (size_t d = 0; d < 17; ++d) c.value(j)[d] *= 1e-40f;
      for (size_t d = 0; d < 17; ++d) c.key(j)[d] *= 1e-41f;
    }
    c.pack_and_run();
    c.check();
  });
}

// Strides may run backwards, and rows may be shared.
TEST(attention_of_negative_and_zero_strides) {
  for_each_set([](const KernelSet& set) {
    constexpr size_t kQueries = 9, kKeys = 35, kHeadDim = 12;
    AttentionCase forward(set, {kQueries, kKeys, kHeadDim}, AttentionOptions(), 13);
    forward.pack_and_run();

    AttentionCase backward(set, {kQueries, kKeys, kHeadDim}, AttentionOptions(), 13);
    AttentionArgs args = backward.args();
    for (size_t i = 0; i < kQueries; ++i) std::copy_n(forward.query(kQueries - 1 - i), kHeadDim, backward.query(i));
    for (size_t j = 0; j < kKeys; ++j) std::copy_n(forward.value(kKeys - 1 - j), kHeadDim, backward.value(j));
    for (size_t j = 0; j < kKeys; ++j) std::copy_n(forward.key(kKeys - 1 - j), kHeadDim, backward.key(j));
    backward.kernels.pack_keys(backward.key(kKeys - 1), -backward.k_stride, kKeys, kHeadDim, backward.packed.data(), 0);
    args.q = backward.query(kQueries - 1);
    args.q_stride = -args.q_stride;
    args.values = backward.value(kKeys - 1);
    args.value_stride = -args.value_stride;
    args.out = backward.out_row(kQueries - 1);
    args.out_stride = -args.out_stride;
    backward.run(args);
    for (size_t i = 0; i < kQueries; ++i) {
      EXPECT_TRUE(testing::same_bits(forward.out_row(i), backward.out_row(kQueries - 1 - i), kHeadDim));
    }

    AttentionArgs shared = forward.args();
    shared.q_stride = 0;
    forward.run(shared);
    for (size_t i = 1; i < kQueries; ++i) {
      EXPECT_TRUE(testing::same_bits(forward.out_row(0), forward.out_row(i), kHeadDim));
    }
  });
}

// The weights of a row add up to one: equal values come out as they went in, up to the rounding of the sums.
TEST(attention_of_equal_values) {
  for_each_set([](const KernelSet& set) {
    AttentionCase c(set, {7, 600, 8}, AttentionOptions(), 14);
    for (size_t j = 0; j < 600; ++j) std::fill_n(c.value(j), 8, 3.0f);
    c.pack_and_run();
    // 600 additions above, at most as many below the fraction bar, and the last two operations.
    const double tolerance = 3.0 * (2 * 600 + 4) * testing::rounding_unit(set);
    for (size_t i = 0; i < 7; ++i) {
      for (size_t d = 0; d < 8; ++d) EXPECT_NEAR(c.out_row(i)[d], 3.0, tolerance);
    }
  });
}

}  // namespace
}  // namespace tidemerge
