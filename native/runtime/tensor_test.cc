#include "runtime/tensor.h"

#include "runtime/expect_code.h"

namespace tidemerge {
namespace {

TEST(tensor_of_every_dtype) {
  BufferPool pool;
  for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kUint8}) {
    Tensor tensor(pool, dtype, 3, 5);
    EXPECT_EQ(tensor.bytes(), 15 * size_of(dtype));
    EXPECT_TRUE(tensor.owns() && tensor.raw() != nullptr);
  }
  const Tensor empty(pool, DType::kInt32, 0, 7);
  EXPECT_EQ(empty.bytes(), size_t{0});
  EXPECT_EQ(empty.cols(), size_t{7});
  EXPECT_TRUE(empty.raw() != nullptr);
  EXPECT_TRUE(Tensor(DType::kFloat64).dtype() == DType::kFloat64);
}

TEST(tensor_too_large_for_the_address_space) {
  BufferPool pool;
  const size_t big = size_t{1} << 33;
  EXPECT_CODE(Tensor(pool, DType::kFloat64, big, big), "ERR_OUT_OF_MEMORY");
  EXPECT_CODE(Tensor(pool, DType::kFloat32, size_t{1} << 63, 2), "ERR_OUT_OF_MEMORY");
  EXPECT_CODE(Tensor(pool, DType::kUint8, ~size_t{0}, 1), "ERR_OUT_OF_MEMORY");
}

TEST(tensor_take_leaves_a_readable_view) {
  BufferPool pool;
  Tensor a(pool, DType::kFloat32, 2, 2);
  a.data<float>()[3] = 7.0f;
  const Tensor b = a.take();
  EXPECT_TRUE(!a.owns() && b.owns());
  EXPECT_TRUE(a.raw() == b.raw());
  EXPECT_EQ(a.rows(), size_t{2});
  EXPECT_EQ(a.data<float>()[3], 7.0f);
}

TEST(tensor_moves) {
  BufferPool pool;
  Tensor a(pool, DType::kInt32, 1, 4);
  Tensor b = std::move(a);
  EXPECT_TRUE(!a.owns() && b.owns());
  EXPECT_EQ(a.count(), size_t{0});
  b = Tensor();
  EXPECT_EQ(pool.statistics().in_use, size_t{0});
}

TEST(tensor_resize_keeps_memory_that_is_large_enough) {
  BufferPool pool;
  Tensor tensor(pool, DType::kFloat32, 16, 16);
  const void* const before = tensor.raw();
  tensor.resize(pool, DType::kFloat64, 8, 16);
  EXPECT_TRUE(tensor.raw() == before && tensor.dtype() == DType::kFloat64);
  tensor.resize(pool, DType::kFloat32, 100, 100);
  EXPECT_EQ(tensor.count(), size_t{10000});
  EXPECT_TRUE(tensor.owns());
}

}  // namespace
}  // namespace tidemerge
