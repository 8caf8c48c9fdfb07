#pragma once

// A run-time value: a dense row-major matrix. Vectors are [rows, 1]; either count may be 0.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "runtime/buffer_pool.h"

namespace tidemerge {

enum class DType : uint8_t { kFloat32, kFloat64, kInt32, kUint8 };

constexpr size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat64: return 8;
    case DType::kUint8: return 1;
    default: return 4;
  }
}

const char* name_of(DType dtype);  // "float32", "float64", "int32", "uint8"

class Tensor {
 public:
  Tensor() = default;
  // [0, 0] without memory.
  explicit Tensor(DType dtype) : dtype_(dtype) {}
  // Uninitialised. Throws ERR_OUT_OF_MEMORY, also when rows * cols * size overflows.
  Tensor(BufferPool& pool, DType dtype, size_t rows, size_t cols);

  Tensor(Tensor&& other) noexcept { swap(other); }
  Tensor& operator=(Tensor&& other) noexcept {
    Tensor moved(std::move(other));
    swap(moved);
    return *this;
  }

  DType dtype() const { return dtype_; }
  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  size_t count() const { return rows_ * cols_; }
  size_t bytes() const { return count() * size_of(dtype_); }

  // 64-byte aligned; null only for a tensor without memory (a state at first). The type is not checked here: operators
  // ask for the dtype they need through Call::input.
  void* raw() { return data_; }
  const void* raw() const { return data_; }
  template <typename T>
  T* data() {
    return static_cast<T*>(data_);
  }
  template <typename T>
  const T* data() const {
    return static_cast<const T*>(data_);
  }

  // Whether the tensor owns memory (false for a default one, or after its buffer was taken).
  bool owns() const { return static_cast<bool>(buffer_); }

  // Moves the memory into a new tensor. This one keeps shape and pointer, but no longer owns: the
  // executor uses it for in-place operators, whose input is still read while the output is written.
  Tensor take();

  // The same memory without owning it: valid as long as the owner keeps it.
  Tensor view() const;

  // Changes the shape and dtype, keeping the memory when it is large enough. Contents become unspecified.
  void resize(BufferPool& pool, DType dtype, size_t rows, size_t cols);

 private:
  void swap(Tensor& other) noexcept {
    std::swap(dtype_, other.dtype_);
    std::swap(rows_, other.rows_);
    std::swap(cols_, other.cols_);
    std::swap(data_, other.data_);
    std::swap(buffer_, other.buffer_);
  }

  DType dtype_ = DType::kFloat32;
  size_t rows_ = 0;
  size_t cols_ = 0;
  void* data_ = nullptr;
  Buffer buffer_;
};

// A tensor that a session keeps between operators and between runs (a key cache, for example). It starts
// as float32 [0, 0]. What its rows and columns mean is the business of the operators that use it.
struct State {
  Tensor tensor;
};

}  // namespace tidemerge
