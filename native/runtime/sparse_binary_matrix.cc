#include "runtime/sparse_binary_matrix.h"

#include <cmath>
#include <vector>

#include "runtime/error.h"

namespace tidemerge {
namespace {

[[noreturn]] void fail(const char* code, const std::string& who, const std::string& expected, const std::string& got) {
  throw Error(code, who + ": expected " + expected + ", got " + got);
}

size_t round_up(size_t bytes) {
  return (bytes + BufferPool::kAlignment - 1) / BufferPool::kAlignment * BufferPool::kAlignment;
}

bool bit_at(const uint8_t* bits, size_t i) { return (bits[i / 8] >> (i % 8) & 1) != 0; }

void expect_size(const std::string& who, size_t rows, size_t cols) {
  const size_t most = SparseBinaryMatrix::kMostInputs;
  if (cols > most) {
    fail(error_code::kInvalidArgument, who, "at most " + std::to_string(most) + " inputs", std::to_string(cols));
  }
  if (cols != 0 && rows > SparseBinaryMatrix::kMostEntries / cols) {
    fail(error_code::kInvalidShape, who, "at most 2^31 entries", std::to_string(rows) + " x " + std::to_string(cols));
  }
}

void expect_bits(const std::string& who, Span<const uint8_t> bytes, size_t count) {
  if (bytes.size() != (count + 7) / 8) {
    fail(error_code::kInvalidShape, who,
         std::to_string((count + 7) / 8) + " bytes for " + std::to_string(count) + " bits",
         std::to_string(bytes.size()));
  }
  if (count % 8 != 0 && bytes[bytes.size() - 1] >> (count % 8) != 0) {
    fail(error_code::kInvalidArgument, who, "zeros behind bit " + std::to_string(count), "ones");
  }
}

size_t count_ones(Span<const uint8_t> bytes) {
  size_t count = 0;
  for (const uint8_t byte : bytes) count += static_cast<size_t>(__builtin_popcount(byte));
  return count;
}

void expect_alpha(const std::string& who, float alpha) {
  if (!(std::isfinite(alpha) && alpha > 0)) {
    fail(error_code::kInvalidArgument, who, "a finite alpha > 0", std::to_string(alpha));
  }
}

}  // namespace

// sign(i) is that of entry i, asked once for each in ascending order.
template <typename Sign>
void SparseBinaryMatrix::build(const Context& context, size_t rows, size_t cols, size_t kept, float alpha,
                               const Sign& sign) {
  const SparseBinaryKernels& kernels = *context.kernels.sparse_binary;
  const size_t inputs_at = round_up((2 * rows + 1) * sizeof(uint32_t));
  lists_ = context.buffers.allocate_exact(inputs_at + kept * sizeof(uint16_t));
  auto* starts = reinterpret_cast<uint32_t*>(lists_.data());
  auto* inputs = reinterpret_cast<uint16_t*>(lists_.data() + inputs_at);
  std::vector<uint16_t> minus;
  minus.reserve(cols);
  uint32_t end = 0;
  starts[0] = 0;
  for (size_t row = 0; row < rows; ++row) {
    minus.clear();
    for (size_t col = 0; col < cols; ++col) {
      const int entry = sign(row * cols + col);
      if (entry > 0) inputs[end++] = static_cast<uint16_t>(col);
      if (entry < 0) minus.push_back(static_cast<uint16_t>(col));
    }
    starts[2 * row + 1] = end;
    for (const uint16_t input : minus) inputs[end++] = input;
    starts[2 * row + 2] = end;
  }
  kept_ = kept;
  weights_ = {rows, cols, alpha, starts, inputs, nullptr};
  packed_ = context.buffers.allocate_exact(kernels.packed_bytes(weights_));
  kernels.pack(weights_, packed_.data());
  weights_.packed = packed_.data();
}

SparseBinaryMatrix::SparseBinaryMatrix(const Context& context, const std::string& who, size_t rows, size_t cols,
                                       const SparseBinaryBits& bits) {
  expect_size(who, rows, cols);
  expect_bits(who + ": mask", bits.mask, rows * cols);
  const size_t kept = count_ones(bits.mask);
  expect_bits(who + ": signs", bits.signs, kept);
  expect_alpha(who, bits.alpha);
  size_t next = 0;
  build(context, rows, cols, kept, bits.alpha, [&](size_t i) {
    if (!bit_at(bits.mask.data(), i)) return 0;
    return bit_at(bits.signs.data(), next++) ? -1 : 1;
  });
}

SparseBinaryMatrix::SparseBinaryMatrix(const Context& context, const std::string& who, size_t rows, size_t cols,
                                       const float* entries) {
  expect_size(who, rows, cols);
  size_t kept = 0;
  float alpha = 1.0f;
  for (size_t i = 0; i < rows * cols; ++i) {
    if (entries[i] == 0) continue;
    if (kept++ == 0) alpha = std::fabs(entries[i]);
    if (!(std::fabs(entries[i]) == alpha)) {
      fail(error_code::kInvalidArgument, who, "0 and one magnitude of either sign only", std::to_string(entries[i]));
    }
  }
  expect_alpha(who, alpha);
  build(context, rows, cols, kept, alpha, [&](size_t i) { return entries[i] > 0 ? 1 : entries[i] < 0 ? -1 : 0; });
}

}  // namespace tidemerge
