#include "ops/random.h"

#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

// Published test vectors of Philox4x32-10.
TEST(philox_known_answers) {
  const PhiloxBlock zeros = philox({0, 0, 0, 0}, {0, 0});
  EXPECT_TRUE((zeros == PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const PhiloxBlock ones = philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u});
  EXPECT_TRUE((ones == PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  const PhiloxBlock pi = philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
  EXPECT_TRUE((pi == PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Computed by hand with a separate program from the definition in random.h: other backends must find the same.
TEST(series_key_known_answers) {
  const double values[] = {1.0, 2.0, 3.0};
  EXPECT_TRUE((series_key(values, 0) == PhiloxKey{0, 0}));
  EXPECT_TRUE((series_key(values, 1) == PhiloxKey{0x51FB8614, 0xBFF7C94F}));
  EXPECT_TRUE((series_key(values, 3) == PhiloxKey{0x9E758B65, 0x92802A59}));
  const double special[] = {std::nan("1"), -0.0, -0.5, 1e300};
  EXPECT_TRUE((series_key(special, 4) == PhiloxKey{0x6594957C, 0x35C9DF97}));
  const PhiloxKey mixed = mix({7, 0xFFFFFFFF}, series_key(values, 3));
  EXPECT_TRUE((mixed == PhiloxKey{0xC677D804, 0x2EBEAB94}));
  EXPECT_EQ(uniform(mixed, 3, 5), 4171874.0 * 0x1p-24);
}

TEST(series_key_sees_values_not_bits) {
  const float single[] = {0.1f, kNaN, 0.0f, -7.5f, 3.0f};
  const double wide[] = {0.1f, -std::nan("7"), -0.0, -7.5, 3.0};
  for (size_t n = 0; n <= 5; ++n) EXPECT_TRUE(series_key(single, n) == series_key(wide, n));
  const double other[] = {0.1, -std::nan("7"), -0.0, -7.5, 3.0};  // 0.1 is not 0.1f
  EXPECT_TRUE(series_key(single, 5) != series_key(other, 5));
  // Order and length count, trailing zeros too.
  const float zeros[] = {0, 0, 0, 0};
  for (size_t n = 0; n < 4; ++n) EXPECT_TRUE(series_key(zeros, n) != series_key(zeros, n + 1));
  const float swapped[] = {2.0f, 1.0f, 3.0f}, ordered[] = {1.0f, 2.0f, 3.0f};
  EXPECT_TRUE(series_key(swapped, 3) != series_key(ordered, 3));
}

TEST(series_keys_of_a_batch) {
  with_context([](const Context& context) {
    Random random(1);
    std::vector<double> values(30007);
    for (double& value : values) value = random.normal();
    const std::vector<int32_t> offsets = {0, 0, 7, 20000, 20001, 30007};
    const Tensor v = tensor_of(context, values.size(), 1, values);
    const Tensor o = ints(context, offsets);
    const OpRun run(context, series_keys_operator(), {}, {v, o});
    EXPECT_EQ(run.out(0).rows(), 5u);
    EXPECT_EQ(run.out(0).cols(), 2u);
    for (size_t b = 0; b < 5; ++b) {
      const PhiloxKey key = series_key(values.data() + offsets[b], static_cast<size_t>(offsets[b + 1] - offsets[b]));
      EXPECT_EQ(static_cast<uint32_t>(run.out(0).data<int32_t>()[2 * b]), key[0]);
      EXPECT_EQ(static_cast<uint32_t>(run.out(0).data<int32_t>()[2 * b + 1]), key[1]);
    }
    const Tensor wrong = ints(context, {1, 2, 3});
    EXPECT_ERROR(
        [&] {
          OpRun(context, series_keys_operator(), {}, {wrong, o});
        },
        "ERR_INVALID_DTYPE", "series_keys: values");
  });
}

// 2^16 draws in 64 bins: chi-square with 63 degrees of freedom exceeds 140 with a probability below 1e-7.
TEST(uniform_draws_are_uniform) {
  constexpr size_t kBins = 64, kDraws = 1 << 16;
  for (const bool along_samples : {true, false}) {
    std::vector<size_t> counts(kBins, 0);
    const PhiloxKey key = mix({1, 2}, {3, 4});
    for (uint32_t i = 0; i < kDraws; ++i) {
      const double u = along_samples ? uniform(key, i, 0) : uniform(key, 0, i);
      EXPECT_TRUE(u >= 0.0 && u < 1.0);
      ++counts[static_cast<size_t>(u * kBins)];
    }
    double chi_square = 0.0;
    const double expected = static_cast<double>(kDraws) / kBins;
    for (const size_t count : counts)
      chi_square += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) / expected;
    EXPECT_TRUE(chi_square < 140.0);
  }
}

}  // namespace
}  // namespace tidemerge::testing
