#include "runtime/weight.h"

#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/bf16.h"
#include "runtime/expect_code.h"

namespace tidemerge {
namespace {

struct Data {
  Data(size_t count, uint64_t seed) : f32(count), bf16(count), widened(count) {
    testing::Random random(seed);
    random.fill_normal(f32.data(), count);
    for (size_t i = 0; i < count; ++i) {
      bf16[i] = bf16_from_f32(f32[i]);
      widened[i] = f32_from_bf16(bf16[i]);
    }
  }
  std::vector<float> f32;
  std::vector<uint16_t> bf16;
  std::vector<float> widened;
};

TEST(weight_matrix_is_packed_as_the_kernel_packs_it_whatever_the_threads) {
  testing::for_each_set([](const KernelSet& set) {
    for (int threads : {1, 3}) {
      ThreadPool pool(threads);
      BufferPool buffers;
      const Context context{set, pool, buffers};
      for (size_t rows : {1, 7, 64, 131}) {
        const size_t cols = 19;
        TRACE("%d threads, %zu rows", threads, rows);
        const Data data(rows * cols, rows);
        for (WeightType type : {WeightType::kF32, WeightType::kBf16}) {
          for (bool from_bf16 : {false, true}) {
            const Weight weight(context, "w", WeightKind::kMatrix, type, rows, cols,
                                from_bf16 ? nullptr : data.f32.data(), from_bf16 ? data.bf16.data() : nullptr);
            const size_t bytes = set.gemm->packed_bytes(type, rows, cols);
            AlignedBuffer<unsigned char> expected(bytes);
            // Gaps between panels, if there are any, are not written by either.
            std::memset(expected.data(), 0, bytes);
            const auto stride = static_cast<ptrdiff_t>(cols);
            if (type == WeightType::kBf16) {
              set.gemm->pack_bf16(data.bf16.data(), stride, rows, cols, expected.data());
            } else {
              set.gemm->pack_f32((from_bf16 ? data.widened : data.f32).data(), stride, rows, cols, expected.data());
            }
            EXPECT_TRUE(std::memcmp(weight.packed(), expected.data(), bytes) == 0);
            EXPECT_EQ(weight.rows(), rows);
          }
        }
      }
    }
  });
}

TEST(weight_table_and_vector_keep_their_numbers) {
  ThreadPool pool(2);
  BufferPool buffers;
  const Context context{*testing::tested_sets().front(), pool, buffers};
  const size_t rows = 700, cols = 301;  // more than one share of a thread
  const size_t count = rows * cols;
  const Data data(count, 5);
  const auto same = [count](const auto* a, const auto* b) { return std::memcmp(a, b, count * sizeof *a) == 0; };
  const auto make = [&](WeightKind kind, WeightType type, bool from_bf16) {
    return Weight(context, "w", kind, type, rows, cols, from_bf16 ? nullptr : data.f32.data(),
                  from_bf16 ? data.bf16.data() : nullptr);
  };
  EXPECT_TRUE(same(make(WeightKind::kTable, WeightType::kF32, false).f32(), data.f32.data()));
  EXPECT_TRUE(same(make(WeightKind::kTable, WeightType::kF32, true).f32(), data.widened.data()));
  EXPECT_TRUE(same(make(WeightKind::kTable, WeightType::kBf16, false).bf16(), data.bf16.data()));
  EXPECT_TRUE(same(make(WeightKind::kTable, WeightType::kBf16, true).bf16(), data.bf16.data()));
  EXPECT_TRUE(same(make(WeightKind::kVector, WeightType::kF32, false).tensor().data<float>(), data.f32.data()));
  const Weight vector = make(WeightKind::kVector, WeightType::kBf16, true);
  EXPECT_TRUE(vector.type() == WeightType::kF32);
  EXPECT_TRUE(same(vector.tensor().data<float>(), data.widened.data()));
}

TEST(weight_beyond_the_memory_limit) {
  ThreadPool pool(1);
  BufferPool buffers(1000);
  const Context context{*testing::tested_sets().front(), pool, buffers};
  const Data data(64 * 64, 6);
  for (WeightKind kind : {WeightKind::kMatrix, WeightKind::kTable, WeightKind::kVector}) {
    EXPECT_CODE(Weight(context, "w", kind, WeightType::kF32, 64, 64, data.f32.data(), nullptr), "ERR_OUT_OF_MEMORY");
    EXPECT_CODE(Weight(context, "w", kind, WeightType::kF32, 64, 64, nullptr, data.bf16.data()), "ERR_OUT_OF_MEMORY");
  }
  EXPECT_EQ(buffers.statistics().in_use, size_t{0});
}

TEST(weight_without_elements) {
  ThreadPool pool(1);
  BufferPool buffers;
  const Context context{*testing::tested_sets().front(), pool, buffers};
  const float nothing = 0;
  for (WeightKind kind : {WeightKind::kMatrix, WeightKind::kTable, WeightKind::kVector}) {
    const Weight weight(context, "w", kind, WeightType::kF32, 0, 5, &nothing, nullptr);
    EXPECT_EQ(weight.rows(), size_t{0});
  }
}

}  // namespace
}  // namespace tidemerge
