// Sparse binary products against our own float32 product of the same sizes, whatever is kept.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "kernels/gemm/gemm.h"
#include "kernels/sparse_binary/sparse_binary_case.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::Random;
using testing::SparseBinaryCase;

using Clock = std::chrono::steady_clock;

template <typename Body>
double seconds_of(size_t calls, const Body& body) {
  const auto start = Clock::now();
  for (size_t i = 0; i < calls; ++i) body();
  return std::chrono::duration<double>(Clock::now() - start).count() / static_cast<double>(calls);
}

// The contenders take turns, a fraction of a millisecond each; a ratio is the median of those of all rounds.
void compare(const KernelSet& set, size_t rows, size_t n, size_t k, double keep_ratio) {
  const SparseBinaryKernels& sparse = *set.sparse_binary;
  const GemmKernels& gemm = *set.gemm;
  const SparseBinaryCase matrix(sparse, n, k, keep_ratio, 0.1f, 1);
  AlignedBuffer<float> x(rows * k), y(rows * n), dense(n * k);
  Random random(2);
  random.fill_normal(x.data(), x.size());
  random.fill_normal(dense.data(), dense.size());
  AlignedBuffer<char> packed(gemm.packed_bytes(WeightType::kF32, n, k));
  gemm.pack_f32(dense.data(), static_cast<ptrdiff_t>(k), n, k, packed.data());
  AlignedBuffer<char> scratch(std::max(sparse.scratch_bytes(k), gemm.scratch_bytes(WeightType::kF32, rows, k)));
  SparseBinaryProduct product;
  product.x = x.data();
  product.x_stride = static_cast<ptrdiff_t>(k);
  product.rows = rows;
  product.end = n;
  product.y = y.data();
  product.y_stride = static_cast<ptrdiff_t>(n);

  const auto run_dense = [&] {
    gemm.run(WeightType::kF32, x.data(), static_cast<ptrdiff_t>(k), rows, packed.data(), n, k, 0, n, y.data(),
             static_cast<ptrdiff_t>(n), {}, scratch.data());
  };
  constexpr int kKernels = 3;
  void (*const kernels[kKernels])(const SparseBinaryWeights&, const SparseBinaryProduct&, void*) = {
      sparse.lists_f32, sparse.lists_int8, sparse.codes_int8};
  const double once = std::min(seconds_of(3, run_dense), seconds_of(3, run_dense));
  const size_t calls = std::max<size_t>(1, static_cast<size_t>(3e-4 / once));
  double best_dense = 1e9, best[kKernels] = {1e9, 1e9, 1e9};
  std::vector<double> ratios[kKernels];
  for (int round = 0; round < 25; ++round) {
    const double of_dense = seconds_of(calls, run_dense);
    best_dense = std::min(best_dense, of_dense);
    for (int i = 0; i < kKernels; ++i) {
      const double seconds = seconds_of(calls, [&] { kernels[i](matrix.weights, product, scratch.data()); });
      best[i] = std::min(best[i], seconds);
      ratios[i].push_back(of_dense / seconds);
    }
  }
  std::printf("  %-12s %4zu x %4zu x %4zu keep %.2f  dense %9.2f us", set.name, rows, n, k, keep_ratio,
              best_dense * 1e6);
  const char* names[kKernels] = {"lists f32", "lists int8", "codes int8"};
  for (int i = 0; i < kKernels; ++i) {
    std::sort(ratios[i].begin(), ratios[i].end());
    std::printf("  %s %8.2f us %5.2f x", names[i], best[i] * 1e6, ratios[i][ratios[i].size() / 2]);
  }
  std::printf("\n");
  std::fflush(stdout);
}

BENCH(sparse_binary) {
  static_cast<void>(suite);
  std::printf("sparse_binary: rows x outputs x inputs, times faster than the dense product\n");
  struct Shape {
    size_t n, k;
  };
  const Shape shapes[] = {{64, 64}, {128, 128}, {256, 256}, {512, 512}, {256, 76}, {76, 256}};
  for_each_set([&](const KernelSet& set) {
    for (const size_t rows : {size_t{192}, size_t{256}, size_t{1}}) {
      for (const Shape& shape : shapes) {
        for (const double keep : {0.5, 0.25, 0.1}) compare(set, rows, shape.n, shape.k, keep);
      }
    }
  });
}

// Where codes overtake lists: what prefers_codes says, and what was measured.
BENCH(sparse_binary_crossing) {
  static_cast<void>(suite);
  for_each_set([&](const KernelSet& set) {
    for (const size_t rows : {2, 4, 8, 12, 16, 24, 32, 64}) {
      for (const size_t d : {64, 256}) {
        for (const double keep : {0.5, 0.25, 0.1}) compare(set, rows, d, d, keep);
      }
    }
  });
}

}  // namespace
}  // namespace tidemerge
