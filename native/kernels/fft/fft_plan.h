#pragma once

// How a transform of a size is made: its levels and their roots, made in double precision. The same on all sets.

#include <cstddef>
#include <vector>

#include "kernels/fft/fft.h"

namespace tidemerge {

class FftPlanOwner {
 public:
  // A size that fft_size gives. Throws std::bad_alloc.
  explicit FftPlanOwner(size_t size);
  FftPlanOwner(const FftPlanOwner&) = delete;
  FftPlanOwner& operator=(const FftPlanOwner&) = delete;

  const FftPlan& plan() const { return plan_; }
  size_t bytes() const { return roots_.size() * sizeof(float); }

 private:
  FftPlan plan_{};
  std::vector<float> roots_;
};

// The size for series of `length` steps: the smallest 2^a 3^b >= length with a >= 4. It depends on the length alone,
// and so do results.
size_t fft_size(size_t length);

}  // namespace tidemerge
