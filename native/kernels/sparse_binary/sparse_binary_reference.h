#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "kernels/sparse_binary/sparse_binary.h"

namespace tidemerge::reference {

struct SparseSum {
  double sum = 0;
  double magnitude = 0;
  size_t kept = 0;
};

// Of one row of x (any numbers) and one output, without alpha.
template <typename T>
SparseSum sparse_sum(const SparseBinaryWeights& w, const T* x, size_t output) {
  SparseSum result;
  const uint32_t* starts = w.starts + 2 * output;
  for (uint32_t i = starts[0]; i < starts[2]; ++i) {
    const double value = x[w.inputs[i]];
    result.sum += i < starts[1] ? value : -value;
    result.magnitude += std::fabs(value);
  }
  result.kept = starts[2] - starts[0];
  return result;
}

struct QuantizedRow {
  float scale = 0;
  std::vector<int32_t> values;
};

// Rounded step by step as quantize.h says, in float.
inline QuantizedRow quantize(const float* x, size_t k) {
  float largest = 0;
  for (size_t i = 0; i < k; ++i) largest = std::fmax(largest, std::fabs(x[i]));
  QuantizedRow row;
  row.values.assign(k, 0);
  if (largest < 0x1p-100f) return row;
  const float inverse = 127.0f / largest;
  row.scale = largest / 127.0f;
  for (size_t i = 0; i < k; ++i) row.values[i] = static_cast<int32_t>(std::nearbyint(x[i] * inverse));
  return row;
}

}  // namespace tidemerge::reference
