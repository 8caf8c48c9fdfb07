#include "runtime/sparse_binary_matrix.h"

#include <cstring>
#include <limits>
#include <vector>

#include "runtime/expect_code.h"
#include "runtime/weight.h"

namespace tidemerge {
namespace {

using testing::Random;

// A random matrix as entries and as bits.
struct Matrix {
  Matrix(size_t rows, size_t cols, float alpha, uint64_t seed) : entries(rows * cols), mask((rows * cols + 7) / 8) {
    Random random(seed);
    for (size_t i = 0; i < entries.size(); ++i) {
      const size_t draw = random.below(5);
      if (draw > 1) continue;
      entries[i] = draw == 0 ? alpha : -alpha;
      mask[i / 8] = static_cast<uint8_t>(mask[i / 8] | 1u << (i % 8));
      if (kept % 8 == 0) signs.push_back(0);
      signs.back() = static_cast<uint8_t>(signs.back() | draw << (kept % 8));
      ++kept;
    }
  }
  std::vector<float> entries;
  std::vector<uint8_t> mask, signs;
  size_t kept = 0;
};

TEST(sparse_binary_matrix_lists_what_is_kept) {
  testing::for_each_set([](const KernelSet& set) {
    ThreadPool pool(1);
    BufferPool buffers;
    const Context context{set, pool, buffers};
    for (const size_t rows : {1u, 3u, 17u, 40u}) {
      for (const size_t cols : {1u, 16u, 50u, 67u}) {
        TRACE("%zu x %zu", rows, cols);
        const Matrix m(rows, cols, 0.25f, rows * 100 + cols);
        const SparseBinaryMatrix packed(context, "w", rows, cols, SparseBinaryBits{m.mask, m.signs, 0.25f});
        const SparseBinaryMatrix from_entries(context, "w", rows, cols, m.entries.data());
        const SparseBinaryWeights &w = packed.weights(), &again = from_entries.weights();
        EXPECT_EQ(packed.kept(), m.kept);
        EXPECT_EQ(w.alpha, 0.25f);
        std::vector<float> entries(rows * cols);
        for (size_t row = 0; row < rows; ++row) {
          for (uint32_t e = w.starts[2 * row]; e < w.starts[2 * row + 2]; ++e) {
            entries[row * cols + w.inputs[e]] = e < w.starts[2 * row + 1] ? 0.25f : -0.25f;
            const bool first = e == w.starts[2 * row] || e == w.starts[2 * row + 1];
            EXPECT_TRUE(first || w.inputs[e - 1] < w.inputs[e]);
          }
        }
        EXPECT_TRUE(entries == m.entries);
        EXPECT_EQ(std::memcmp(w.inputs, again.inputs, m.kept * sizeof *w.inputs), 0);
        EXPECT_EQ(std::memcmp(w.packed, again.packed, set.sparse_binary->packed_bytes(w)), 0);
      }
    }
  });
}

TEST(sparse_binary_matrix_refuses) {
  ThreadPool pool(1);
  BufferPool buffers;
  const Context context{*testing::tested_sets().front(), pool, buffers};
  const std::vector<uint8_t> mask = {0b00000111, 0b1}, signs = {0b0101};
  const auto make = [&](size_t rows, size_t cols, const std::vector<uint8_t>& m, const std::vector<uint8_t>& s,
                        float alpha) {
    Weight(context, "w", rows, cols, SparseBinaryBits{m, s, alpha});
  };
  make(3, 3, mask, signs, 1.0f);
  EXPECT_CODE(make(3, 6, mask, signs, 1.0f), "ERR_INVALID_SHAPE");
  EXPECT_CODE(make(2, 4, mask, signs, 1.0f), "ERR_INVALID_SHAPE");
  EXPECT_CODE(make(3, 3, mask, {}, 1.0f), "ERR_INVALID_SHAPE");
  EXPECT_CODE(make(3, 3, mask, {1, 0}, 1.0f), "ERR_INVALID_SHAPE");
  EXPECT_CODE(make(3, 3, {0b111, 0b11}, signs, 1.0f), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(make(3, 3, mask, {0b10101}, 1.0f), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(make(1, 65536, std::vector<uint8_t>(8192), {}, 1.0f), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(make(~size_t{0}, 65535, mask, signs, 1.0f), "ERR_INVALID_SHAPE");
  for (const float alpha :
       {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_CODE(make(3, 3, mask, signs, alpha), "ERR_INVALID_ARGUMENT");
    const float entries[] = {1.0f, alpha == 0.0f ? 2.0f : alpha * 3};
    EXPECT_CODE(SparseBinaryMatrix(context, "w", 1, 2, entries), "ERR_INVALID_ARGUMENT");
  }
  EXPECT_EQ(buffers.statistics().in_use, size_t{0});
}

}  // namespace
}  // namespace tidemerge
