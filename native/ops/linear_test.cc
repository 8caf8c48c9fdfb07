#include "ops/linear.h"

#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

struct Case {
  size_t m, k, n;
};

float bf16_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits &= 0xffff0000u;
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

double activate(const std::string& activation, double x) {
  if (activation == "relu") return x > 0.0 ? x : 0.0;
  if (activation == "gelu") return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  if (activation == "gelu_tanh") return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  if (activation == "silu") return x / (1.0 + std::exp(-x));
  return x;
}

OpAttributes with(const std::string& activation) { return {{"activation", activation}}; }

// The sum errs by at most (k + 2) roundings of the sum of magnitudes (twice that where a multiplication and an addition
// round apart); activations have a slope of at most 1.13 and a few units of error of their own; then the residual.
void check(const Context& context, Random& random, Case c, const std::string& activation, bool bias, bool residual) {
  TRACE("m %zu, k %zu, n %zu, %s, bias %d, residual %d", c.m, c.k, c.n, activation.c_str(), bias, residual);
  const Tensor x = random_floats(context, random, c.m, c.k), w = random_floats(context, random, c.n, c.k);
  const Tensor b = random_floats(context, random, c.n, 1), r = random_floats(context, random, c.m, c.n);
  const Weight weight(context, "w", WeightKind::kMatrix, WeightType::kF32, c.n, c.k, w.data<float>(), nullptr);
  const OpRun run(context, linear_operator(), with(activation),
                  {x, weight, bias ? OpInput(b) : absent(), residual ? OpInput(r) : absent()});
  EXPECT_EQ(run.out(0).rows(), c.m);
  EXPECT_EQ(run.out(0).cols(), c.n);
  for (size_t i = 0; i < c.m; ++i) {
    for (size_t j = 0; j < c.n; ++j) {
      double sum = bias ? b.data<float>()[j] : 0.0, magnitude = std::fabs(sum);
      for (size_t p = 0; p < c.k; ++p) {
        const double product = static_cast<double>(x.data<float>()[i * c.k + p]) * w.data<float>()[j * c.k + p];
        sum += product;
        magnitude += std::fabs(product);
      }
      const double rest = residual ? r.data<float>()[i * c.n + j] : 0.0;
      const double tolerance = 0x1p-24 * (1.13 * 2.0 * static_cast<double>(c.k + 2) * magnitude +
                                          16.0 * std::fabs(sum) + std::fabs(rest) + 1e-30);
      EXPECT_NEAR(run.f32(0, i, j), activate(activation, sum) + rest, tolerance);
    }
  }
}

TEST(linear_follows_its_formula) {
  for_each_context([](const Context& context) {
    Random random(41);
    for (const Case c :
         {Case{1, 1, 1}, Case{1, 64, 33}, Case{3, 7, 5}, Case{20, 65, 100}, Case{37, 129, 31}, Case{5, 0, 9}}) {
      for (const char* activation : {"none", "relu", "gelu", "gelu_tanh", "silu"}) {
        check(context, random, c, activation, true, true);
      }
      check(context, random, c, "none", false, false);
    }
  });
}

// Large enough to be cut for threads, in every direction.
TEST(linear_large) {
  for_each_context([](const Context& context) {
    Random random(42);
    check(context, random, {1, 300, 1100}, "none", true, false);
    check(context, random, {45, 256, 777}, "relu", true, true);
    check(context, random, {700, 70, 130}, "none", false, true);
  });
}

TEST(linear_empty) {
  for_each_context([](const Context& context) {
    Random random(43);
    check(context, random, {0, 5, 3}, "none", true, true);
    check(context, random, {4, 5, 0}, "none", false, false);
  });
}

// Rows have the same bits alone, in any batch, and with any number of threads.
TEST(linear_rows_do_not_see_each_other) {
  for_each_set([](const KernelSet& set) {
    BufferPool buffers;
    ThreadPool one(1), three(3);
    const Context alone{set, one, buffers}, shared{set, three, buffers};
    Random random(44);
    const size_t m = 53, k = 200, n = 301;
    const Tensor x = random_floats(alone, random, m, k), w = random_floats(alone, random, n, k);
    std::vector<uint16_t> bits(n * k);
    for (size_t i = 0; i < bits.size(); ++i) {
      const float value = bf16_of(w.data<float>()[i]);
      uint32_t wide;
      std::memcpy(&wide, &value, sizeof wide);
      bits[i] = static_cast<uint16_t>(wide >> 16);
    }
    for (const WeightType type : {WeightType::kF32, WeightType::kBf16}) {
      const Weight weight(alone, "w", WeightKind::kMatrix, type, n, k,
                          type == WeightType::kF32 ? w.data<float>() : nullptr,
                          type == WeightType::kF32 ? nullptr : bits.data());
      const OpRun whole(alone, linear_operator(), with("gelu"), {x, weight});
      const OpRun threads(shared, linear_operator(), with("gelu"), {x, weight});
      EXPECT_TRUE(same_bytes(whole.out(0), threads.out(0)));
      for (const auto& [begin, end] : {std::pair<size_t, size_t>{0, 1}, {7, 30}, {52, 53}}) {
        const Tensor part = rows_of(alone, x, begin, end);
        const OpRun rows(shared, linear_operator(), with("gelu"), {part, weight});
        EXPECT_TRUE(same_bytes(rows.out(0), rows_of(alone, whole.out(0), begin, end)));
      }
    }
  });
}

TEST(linear_nan_stays_in_its_row) {
  for_each_context([](const Context& context) {
    Random random(45);
    Tensor x = random_floats(context, random, 9, 40);
    const Tensor w = random_floats(context, random, 50, 40);
    const Weight weight(context, "w", WeightKind::kMatrix, WeightType::kF32, 50, 40, w.data<float>(), nullptr);
    x.data<float>()[4 * 40 + 17] = kNaN;
    const OpRun run(context, linear_operator(), with("relu"), {x, weight});
    for (size_t i = 0; i < 9; ++i) {
      for (size_t j = 0; j < 50; ++j) EXPECT_EQ(static_cast<bool>(std::isnan(run.f32(0, i, j))), i == 4);
    }
  });
}

TEST(linear_errors) {
  with_context([](const Context& context) {
    const Tensor x = floats(context, 2, 3, {1, 2, 3, 4, 5, 6}), w = floats(context, 1, 3, {1, 2, 3});
    const Weight weight(context, "w", WeightKind::kMatrix, WeightType::kF32, 1, 3, w.data<float>(), nullptr);
    const Tensor narrow = floats(context, 2, 2, {1, 2, 3, 4}), integers = ints(context, {1, 2});
    EXPECT_ERROR(
        [&] {
          OpRun(context, linear_operator(), with("none"), {narrow, weight});
        },
        "ERR_INVALID_SHAPE", "linear: x: expected shape [*, 3], got [2, 2]");
    EXPECT_ERROR(
        [&] {
          OpRun(context, linear_operator(), with("none"), {x, weight, x});
        },
        "ERR_INVALID_SHAPE", "linear: bias: expected shape [1, 1], got [2, 3]");
    EXPECT_ERROR(
        [&] {
          OpRun(context, linear_operator(), with("none"), {x, weight, absent(), x});
        },
        "ERR_INVALID_SHAPE", "linear: residual: expected shape [2, 1]");
    EXPECT_ERROR(
        [&] {
          OpRun(context, linear_operator(), with("none"), {integers, weight});
        },
        "ERR_INVALID_DTYPE", "linear: x");
    EXPECT_ERROR(
        [&] {
          OpRun(context, linear_operator(), with("tanh"), {x, weight});
        },
        "ERR_INVALID_ARGUMENT", "linear: attribute activation");
  });
}

TEST(split_linear_covers_the_product) {
  for (const size_t threads : {1u, 2u, 3u, 8u, 64u}) {
    for (const size_t m : {1u, 2u, 20u, 33u, 512u, 10000u}) {
      for (const size_t n : {1u, 64u, 512u, 2048u, 4096u}) {
        for (const size_t k : {0u, 1u, 512u}) {
          TRACE("%zu threads, m %zu, n %zu, k %zu", threads, m, n, k);
          const LinearSplit split = split_linear(m, n, k, 14, 32, threads);
          EXPECT_TRUE(split.rows > 0 && split.columns > 0);
          EXPECT_EQ(split.columns % 32, 0u);
          const size_t shares = ((m + split.rows - 1) / split.rows) * ((n + split.columns - 1) / split.columns);
          EXPECT_TRUE(shares >= 1 && shares <= 4 * threads && (threads > 1 || shares == 1));
        }
      }
    }
  }
  // Few rows are cut by columns, many rows by rows; small products are not cut.
  EXPECT_EQ(split_linear(20, 512, 512, 14, 32, 2).columns, 256u);
  EXPECT_TRUE(split_linear(4096, 64, 512, 14, 32, 2).rows < 4096);
  EXPECT_EQ(split_linear(1, 32, 64, 14, 32, 2).columns, 32u);
}

}  // namespace
}  // namespace tidemerge::testing
