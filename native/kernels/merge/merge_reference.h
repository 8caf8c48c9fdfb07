#pragma once

#include <cmath>
#include <cstddef>

#include "kernels/merge/merge.h"

namespace tidemerge::reference {

inline double similarity(SimilarityKind kind, const float* a, const float* b, size_t channels) {
  double dot = 0, aa = 0, bb = 0, squared = 0, absolute = 0;
  for (size_t c = 0; c < channels; ++c) {
    const double x = a[c], y = b[c];
    dot += x * y, aa += x * x, bb += y * y;
    squared += (x - y) * (x - y), absolute += std::fabs(x - y);
  }
  if (kind == SimilarityKind::kL2) return -std::sqrt(squared);
  if (kind == SimilarityKind::kL1) return -absolute;
  return dot / (std::fmax(std::sqrt(aa), 1e-12) * std::fmax(std::sqrt(bb), 1e-12));
}

}  // namespace tidemerge::reference
