#include "runtime/tensor.h"

#include <limits>

#include "runtime/error.h"

namespace tidemerge {

namespace {

size_t checked_bytes(DType dtype, size_t rows, size_t cols) {
  const size_t size = size_of(dtype);
  if (cols != 0 && rows > std::numeric_limits<size_t>::max() / size / cols) {
    throw Error(error_code::kOutOfMemory, "tensor: [" + std::to_string(rows) + ", " + std::to_string(cols) + "] of " +
                                              name_of(dtype) + " is larger than the address space");
  }
  return rows * cols * size;
}

}  // namespace

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return "float32";
    case DType::kFloat64: return "float64";
    case DType::kInt32: return "int32";
    case DType::kUint8: return "uint8";
  }
  return "?";
}

Tensor::Tensor(BufferPool& pool, DType dtype, size_t rows, size_t cols)
    : dtype_(dtype), rows_(rows), cols_(cols), buffer_(pool.allocate(checked_bytes(dtype, rows, cols))) {
  data_ = buffer_.data();
}

Tensor Tensor::take() {
  Tensor taken = view();
  taken.buffer_ = std::move(buffer_);
  return taken;
}

Tensor Tensor::view() const {
  Tensor view;
  view.dtype_ = dtype_;
  view.rows_ = rows_;
  view.cols_ = cols_;
  view.data_ = data_;
  return view;
}

void Tensor::resize(BufferPool& pool, DType dtype, size_t rows, size_t cols) {
  if (buffer_ && buffer_.capacity() >= checked_bytes(dtype, rows, cols)) {
    dtype_ = dtype;
    rows_ = rows;
    cols_ = cols;
    return;
  }
  // The old memory goes first: it may be what the new one is made of.
  *this = Tensor();
  *this = Tensor(pool, dtype, rows, cols);
}

}  // namespace tidemerge
