#pragma once

// A weight: made once at load, never changed, shared by programs. A matrix is packed for the GEMM of one
// kernel set, so a weight belongs to contexts of that set only.

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/gemm/gemm.h"
#include "runtime/context.h"
#include "runtime/sparse_binary_matrix.h"
#include "runtime/tensor.h"

namespace tidemerge {

enum class WeightKind : uint8_t {
  kMatrix,        // [out, in], packed for `linear`
  kTable,         // [rows, cols] row-major, float32 or bfloat16, for `embedding`
  kVector,        // [rows, cols] row-major float32, readable by any operator as an ordinary input
  kSparseBinary,  // [out, in] of -alpha, 0 and alpha, packed for `sparse_linear`
};

const char* name_of(WeightKind kind);  // "matrix", "table", "vector", "sparse-binary"

class Weight {
 public:
  // Exactly one of f32 / bf16 is given: rows * cols elements, row-major, read only during the call.
  // `type` is how the weight is stored; a vector is always stored as float32. Packing runs on all threads.
  // rows * cols * 4 must not overflow. A sparse binary weight is made of f32, its entries in full. Throws
  // ERR_OUT_OF_MEMORY, and what SparseBinaryMatrix throws.
  Weight(const Context& context, std::string name, WeightKind kind, WeightType type, size_t rows, size_t cols,
         const float* f32, const uint16_t* bf16);
  // A sparse binary one. Throws what SparseBinaryMatrix throws.
  Weight(const Context& context, std::string name, size_t rows, size_t cols, const SparseBinaryBits& bits);

  const std::string& name() const { return name_; }
  WeightKind kind() const { return kind_; }
  WeightType type() const { return type_; }
  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  size_t bytes() const { return buffer_.capacity() + tensor_.bytes() + sparse_.bytes(); }

  const void* packed() const {
    return buffer_.data();
  }  // kMatrix: for GemmKernels::run with type(), n = rows(), k = cols()
  const float* f32() const { return reinterpret_cast<const float*>(buffer_.data()); }         // kTable, kF32
  const uint16_t* bf16() const { return reinterpret_cast<const uint16_t*>(buffer_.data()); }  // kTable, kBf16
  const Tensor& tensor() const { return tensor_; }                                            // kVector
  const SparseBinaryMatrix& sparse() const { return sparse_; }                                // kSparseBinary

 private:
  void make_matrix(const Context& context, const float* f32, const uint16_t* bf16);
  void make_table(const Context& context, const float* f32, const uint16_t* bf16);
  void make_vector(const Context& context, const float* f32, const uint16_t* bf16);

  std::string name_;
  WeightKind kind_;
  WeightType type_;
  size_t rows_;
  size_t cols_;
  Buffer buffer_;
  Tensor tensor_;
  SparseBinaryMatrix sparse_;
};

}  // namespace tidemerge
