#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

namespace tidemerge::reference {

struct RowStatistics {
  double sum = 0;
  double sum_magnitudes = 0;
  double sum_squares = 0;
  double max = -std::numeric_limits<double>::infinity();
};

inline RowStatistics row_statistics(const float* x, size_t cols) {
  RowStatistics result;
  for (size_t i = 0; i < cols; ++i) {
    const double value = x[i];
    result.sum += value;
    result.sum_magnitudes += std::fabs(value);
    result.sum_squares += value * value;
    result.max = std::isnan(value) || std::isnan(result.max) ? std::nan("") : std::fmax(result.max, value);
  }
  return result;
}

// The factor of the error bound of a sum of n terms in simd/row.h, for the set with the fewest lanes.
inline double row_sum_error(size_t n) { return (static_cast<double>(n) / 16.0 + 8.0) * 0x1p-24; }

}  // namespace tidemerge::reference
