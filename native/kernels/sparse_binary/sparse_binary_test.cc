#include "kernels/sparse_binary/sparse_binary.h"

#include <cmath>
#include <limits>

#include "base/bf16.h"
#include "kernels/sparse_binary/sparse_binary_case.h"
#include "kernels/sparse_binary/sparse_binary_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;
using testing::SparseBinaryCase;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kEps = 0x1p-24;

struct Case {
  size_t rows, n, k;
  double keep_ratio;
  size_t misalignment = 0, gap = 0;
  bool bias = false, relu = false, residual = false;
  float scale = 1.0f;
};

using Run = void (*)(const SparseBinaryWeights&, const SparseBinaryProduct&, void*);

// Everything one product reads and writes.
struct Problem {
  Problem(const KernelSet& set, const Case& c)
      : matrix(*set.sparse_binary, c.n, c.k, c.keep_ratio, 0.37f, c.rows * 31 + c.n * 7 + c.k),
        x(extent(c.rows, c.k, c.gap), c.misalignment),
        bias(c.n, 3 - c.misalignment),
        residual(extent(c.rows, c.n, c.gap), c.misalignment),
        scratch(set.sparse_binary->scratch_bytes(c.k)),
        stride_x(static_cast<ptrdiff_t>(c.k + c.gap)),
        stride_y(static_cast<ptrdiff_t>(c.n + c.gap)) {
    Random random(c.k * 10 + c.rows);
    random.fill_normal(x.data(), x.size(), c.scale);
    random.fill_normal(bias.data(), c.n, c.scale);
    random.fill_normal(residual.data(), residual.size(), c.scale);
    product.x = x.data();
    product.x_stride = stride_x;
    product.rows = c.rows;
    product.end = c.n;
    product.y_stride = stride_y;
    product.bias = c.bias ? bias.data() : nullptr;
    product.relu = c.relu;
    product.residual = c.residual ? residual.data() : nullptr;
    product.residual_stride = stride_y;
  }
  static size_t extent(size_t rows, size_t cols, size_t gap) {
    return rows == 0 ? 0 : (rows - 1) * (cols + gap) + cols;
  }

  void run(Run kernel, GuardedBuffer<float>& y) {
    product.y = y.data();
    kernel(matrix.weights, product, scratch.data());
    EXPECT_TRUE(x.intact() && y.intact() && bias.intact() && residual.intact() && scratch.intact());
  }

  SparseBinaryCase matrix;
  GuardedBuffer<float> x, bias, residual;
  GuardedBuffer<char> scratch;
  ptrdiff_t stride_x, stride_y;
  SparseBinaryProduct product;
};

double finished(const Problem& problem, size_t row, size_t output, double linear) {
  const SparseBinaryProduct& p = problem.product;
  if (p.relu && linear < 0) linear = 0;
  return linear + (p.residual != nullptr ? p.residual[row * problem.stride_y + output] : 0.0);
}

// The bounds of sparse_binary.h; on `baseline` alpha and bias round apart.
void expect_follows_formula(const Problem& problem, const float* floats, const float* codes) {
  const SparseBinaryWeights& w = problem.matrix.weights;
  for (size_t row = 0; row < problem.product.rows; ++row) {
    const float* x = problem.x.data() + row * problem.stride_x;
    const reference::QuantizedRow q = reference::quantize(x, w.k);
    for (size_t j = 0; j < w.n; ++j) {
      const double bias = problem.product.bias != nullptr ? problem.product.bias[j] : 0.0;
      const reference::SparseSum exact = reference::sparse_sum(w, x, j);
      const double s = static_cast<double>(exact.kept);
      const size_t at = row * problem.stride_y + j;
      const double y = finished(problem, row, j, w.alpha * exact.sum + bias);
      const double rounding = kEps * std::fabs(y) + (s + 3) * 0x1p-149;
      EXPECT_NEAR(floats[at], y,
                  (s + 4) * kEps / (1 - (s + 4) * kEps) * (w.alpha * exact.magnitude + std::fabs(bias)) + rounding);

      const double scaled = static_cast<double>(w.alpha) * q.scale;
      const double integer = reference::sparse_sum(w, q.values.data(), j).sum;
      const double after_sum = 4 * kEps * (std::fabs(scaled * integer) + std::fabs(bias)) + 3 * 0x1p-149;
      const double of_integers = finished(problem, row, j, scaled * integer + bias);
      EXPECT_NEAR(codes[at], of_integers, after_sum + kEps * std::fabs(of_integers));
      const double quantization = q.scale == 0 ? w.alpha * exact.magnitude : s * scaled * (0.5 + 0x1p-15);
      EXPECT_NEAR(codes[at], y, quantization + after_sum + rounding + kEps * std::fabs(of_integers));
    }
  }
}

void check(const KernelSet& set, const Case& c) {
  TRACE("rows %zu, n %zu, k %zu, keep %g, misalignment %zu, gap %zu, bias %d, relu %d, residual %d", c.rows, c.n, c.k,
        c.keep_ratio, c.misalignment, c.gap, c.bias, c.relu, c.residual);
  const SparseBinaryKernels& kernels = *set.sparse_binary;
  Problem problem(set, c);
  const size_t extent = Problem::extent(c.rows, c.n, c.gap);
  GuardedBuffer<float> floats(extent, c.misalignment), integers(extent, c.misalignment), codes(extent, c.misalignment);
  problem.run(kernels.lists_f32, floats);
  problem.run(kernels.lists_int8, integers);
  problem.run(kernels.codes_int8, codes);
  EXPECT_TRUE(codes.same_bytes(integers));  // gaps between rows included: they hold the pattern of unwritten elements
  expect_follows_formula(problem, floats.data(), codes.data());

  if (!c.residual) return;
  for (const auto& [kernel, expected] :
       {std::pair<Run, const GuardedBuffer<float>*>{kernels.lists_f32, &floats}, {kernels.codes_int8, &codes}}) {
    GuardedBuffer<float> in_place(extent, 1);
    for (size_t i = 0; i < extent; ++i) in_place[i] = problem.residual[i];
    problem.product.residual = in_place.data();
    problem.run(kernel, in_place);
    problem.product.residual = problem.residual.data();
    for (size_t row = 0; row < c.rows; ++row) {
      for (size_t j = 0; j < c.n; ++j) {
        const size_t at = row * problem.stride_y + j;
        EXPECT_EQ(bits_from_f32(in_place[at]), bits_from_f32((*expected)[at]));
      }
    }
  }
}

TEST(sparse_binary_every_length) {
  for_each_set([](const KernelSet& set) {
    const size_t rows_of_panel = static_cast<size_t>(set.sparse_binary->rows_int8);
    for (size_t rows = 0; rows <= rows_of_panel + 3; ++rows) check(set, {rows, 5, 6, 0.5, rows % 4, rows % 3});
    for (size_t k = 0; k <= 67; ++k) check(set, {3, 9, k, 0.4, k % 4, k % 2, true, true, true});
    for (size_t n = 0; n <= 37; ++n) check(set, {18, n, 11, 0.4, n % 4, n % 2, true, false, true});
  });
}

TEST(sparse_binary_options_and_sizes) {
  for_each_set([](const KernelSet& set) {
    for (int mask = 0; mask < 8; ++mask) {
      check(set, {21, 13, 30, 0.3, 1, 1, (mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0});
    }
    for (const double keep : {0.0, 0.05, 0.1, 0.25, 0.5, 0.9, 1.0}) check(set, {40, 33, 50, keep, 0, 0, true});
    check(set, {200, 76, 38, 0.25, 0, 0, true, true, false});
    check(set, {50, 110, 55, 0.25, 1, 0, false, false, true});
    check(set, {35, 30, 350, 0.5, 0, 0, true, false, false});
    // More inputs of an output than 16 bits can sum, several runs of products, magnitudes at either end.
    check(set, {9, 12, 1100, 0.8, 0, 0, true, false, true});
    for (const float scale : {1e-42f, 1e-38f, 1e-30f, 1e30f, 1e36f})
      check(set, {5, 8, 40, 0.3, 0, 0, true, false, true, scale});
  });
}

TEST(sparse_binary_integers_are_exact) {
  for_each_set([](const KernelSet& set) {
    const SparseBinaryKernels& kernels = *set.sparse_binary;
    for (const double negative : {0.0, 0.5, 1.0}) {
      const size_t rows = 37, n = 18, k = 2050;
      SparseBinaryCase matrix(kernels, n, k, 0.9, 1.0f, 3, negative);
      std::vector<float> x(rows * k);
      Random random(4);
      for (size_t i = 0; i < x.size(); ++i) {
        // The largest magnitude is 127, so the scale is 1; rows 0 and 1 hold nothing but extremes.
        x[i] = i < k ? 127.0f : i < 2 * k ? -127.0f : static_cast<float>(static_cast<int>(random.below(255)) - 127);
        if (i % k == 1000) x[i] = 127.0f;
      }
      AlignedBuffer<char> scratch(kernels.scratch_bytes(k));
      for (const Run kernel : {kernels.lists_f32, kernels.lists_int8, kernels.codes_int8}) {
        std::vector<float> y(rows * n);
        SparseBinaryProduct product;
        product.x = x.data();
        product.x_stride = k;
        product.rows = rows;
        product.end = n;
        product.y = y.data();
        product.y_stride = n;
        kernel(matrix.weights, product, scratch.data());
        for (size_t row = 0; row < rows; ++row) {
          for (size_t j = 0; j < n; ++j) {
            EXPECT_EQ(y[row * n + j], reference::sparse_sum(matrix.weights, x.data() + row * k, j).sum);
          }
        }
      }
    }
  });
}

TEST(sparse_binary_rows_and_ranges_do_not_matter) {
  for_each_set([](const KernelSet& set) {
    const SparseBinaryKernels& kernels = *set.sparse_binary;
    const size_t tile = static_cast<size_t>(kernels.output_tile);
    const Case c = {static_cast<size_t>(kernels.rows_int8) + 11, 2 * tile + 3, 41, 0.4, 0, 0, true, true, true};
    for (const Run kernel : {kernels.lists_f32, kernels.lists_int8, kernels.codes_int8}) {
      Problem problem(set, c);
      GuardedBuffer<float> whole(c.rows * c.n), parts(c.rows * c.n), alone(c.n);
      problem.run(kernel, whole);
      for (const auto& [begin, end] : {std::pair{size_t{0}, tile}, {tile, 2 * tile}, {2 * tile, c.n}}) {
        problem.product.begin = begin;
        problem.product.end = end;
        problem.run(kernel, parts);
      }
      EXPECT_TRUE(parts.same_bytes(whole));
      problem.product.begin = 0;
      problem.product.end = c.n;
      problem.product.rows = 1;
      for (size_t row = 0; row < c.rows; ++row) {
        problem.product.x = problem.x.data() + row * problem.stride_x;
        problem.product.residual = problem.residual.data() + row * problem.stride_y;
        problem.run(kernel, alone);
        for (size_t j = 0; j < c.n; ++j) {
          EXPECT_EQ(bits_from_f32(alone[j]), bits_from_f32(whole[row * c.n + j]));
        }
      }
    }
  });
}

TEST(sparse_binary_special_values_at_every_place) {
  for_each_set([](const KernelSet& set) {
    const SparseBinaryKernels& kernels = *set.sparse_binary;
    const Case c = {3, 10, 21, 0.4, 1, 0, true, false, false};
    for (size_t place = 0; place < c.k; ++place) {
      for (const float special : {kNan, kInfinity, -kInfinity}) {
        TRACE("place %zu, special %g", place, static_cast<double>(special));
        Problem problem(set, c);
        problem.x[c.k + place] = special;
        GuardedBuffer<float> floats(c.rows * c.n), integers(c.rows * c.n), codes(c.rows * c.n);
        problem.run(kernels.lists_f32, floats);
        problem.run(kernels.lists_int8, integers);
        problem.run(kernels.codes_int8, codes);
        for (size_t j = 0; j < c.n; ++j) {
          const double expected =
              reference::sparse_sum(problem.matrix.weights, problem.x.data() + c.k, j).sum;  // the bias is finite
          EXPECT_EQ(std::isnan(floats[c.n + j]), std::isnan(expected));
          if (std::isinf(expected)) EXPECT_EQ(static_cast<double>(floats[c.n + j]), expected);
          for (size_t row = 0; row < c.rows; ++row) {
            EXPECT_EQ(std::isnan(integers[row * c.n + j]), row == 1);
            EXPECT_EQ(std::isnan(codes[row * c.n + j]), row == 1);
          }
          EXPECT_TRUE(std::isfinite(floats[j]) && std::isfinite(floats[2 * c.n + j]));
        }
      }
    }
  });
}

TEST(sparse_binary_codes_are_for_few_rows_and_dense_masks) {
  for_each_set([](const KernelSet& set) {
    const auto prefers_codes = set.sparse_binary->prefers_codes;
    EXPECT_TRUE(!prefers_codes(200, 256, 256, 256 * 256 / 10));
    EXPECT_TRUE(!prefers_codes(1, 64, 64, 0));
    bool before = true;  // once lists win, more rows do not make codes win again before a panel is full
    for (size_t rows = 1; rows <= 2 * static_cast<size_t>(set.sparse_binary->rows_int8) / 8; ++rows) {
      const bool now = prefers_codes(rows, 64, 64, 1024);
      EXPECT_TRUE(before || !now);
      before = now;
    }
  });
}

TEST(sparse_binary_relu_keeps_nan) {
  for_each_set([](const KernelSet& set) {
    const SparseBinaryKernels& kernels = *set.sparse_binary;
    for (const size_t rows : {1u, 40u}) {
      Problem problem(set, {rows, 6, 9, 1.0, 0, 0, false, true, false});
      for (float& value : problem.x) value = kNan;
      for (const Run kernel : {kernels.lists_f32, kernels.lists_int8, kernels.codes_int8}) {
        GuardedBuffer<float> y(rows * 6);
        problem.run(kernel, y);
        for (const float value : y) EXPECT_TRUE(std::isnan(value));
      }
    }
  });
}

}  // namespace
}  // namespace tidemerge
