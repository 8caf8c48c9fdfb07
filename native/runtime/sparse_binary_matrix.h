#pragma once

// The entries of a sparse binary weight, packed for the kernels of one set (kernels/sparse_binary/sparse_binary.h).

#include <string>

#include "base/span.h"
#include "kernels/sparse_binary/sparse_binary.h"
#include "runtime/context.h"

namespace tidemerge {

// One bit per entry [rows, cols], row by row, lowest bit of a byte first: 1 where it is kept; one bit per kept entry in
// the same order: 1 where it is negative.
struct SparseBinaryBits {
  Span<const uint8_t> mask;
  Span<const uint8_t> signs;
  float alpha = 0.0f;
};

class SparseBinaryMatrix {
 public:
  static constexpr size_t kMostInputs = 65535;
  static constexpr size_t kMostEntries = size_t{1} << 31;

  SparseBinaryMatrix() = default;
  // `who` begins the messages. Throws ERR_INVALID_SHAPE when a length does not fit, ERR_INVALID_ARGUMENT for an alpha
  // that is not finite and above 0 and for ones behind the last bit, both for too large a matrix; ERR_OUT_OF_MEMORY.
  SparseBinaryMatrix(const Context& context, const std::string& who, size_t rows, size_t cols,
                     const SparseBinaryBits& bits);
  // From all entries in full: throws ERR_INVALID_ARGUMENT unless they are 0 or of one finite magnitude.
  SparseBinaryMatrix(const Context& context, const std::string& who, size_t rows, size_t cols, const float* entries);

  const SparseBinaryWeights& weights() const { return weights_; }
  size_t kept() const { return kept_; }
  size_t bytes() const { return lists_.capacity() + packed_.capacity(); }

 private:
  template <typename Sign>
  void build(const Context& context, size_t rows, size_t cols, size_t kept, float alpha, const Sign& sign);

  SparseBinaryWeights weights_;
  size_t kept_ = 0;
  Buffer lists_;  // starts and inputs
  Buffer packed_;
};

}  // namespace tidemerge
