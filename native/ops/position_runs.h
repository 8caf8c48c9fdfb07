#pragma once

#include <vector>

#include "ops/operator.h"

namespace tidemerge {

// The positions of the rows of a ragged batch as runs of consecutive numbers. Most series are one run; missing values
// and merged tokens make several.
class PositionRuns {
 public:
  struct Run {
    size_t row;  // of its first row, in its series
    size_t count;
    int64_t first;  // position of its first row
  };

  // positions may be null: 0, 1, 2 … in every series.
  PositionRuns(const int32_t* positions, const int32_t* offsets, size_t batch) : series_(batch + 1, 0) {
    runs_.reserve(batch);
    for (size_t b = 0; b < batch; ++b) {
      const size_t count = static_cast<size_t>(offsets[b + 1] - offsets[b]);
      add(positions == nullptr ? nullptr : positions + offsets[b], count);
      series_[b + 1] = runs_.size();
    }
  }

  const Run* begin(size_t b) const { return runs_.data() + series_[b]; }
  const Run* end(size_t b) const { return runs_.data() + series_[b + 1]; }
  // Whether the rows of series b, if it has any, are one run.
  bool consecutive(size_t b) const { return end(b) - begin(b) <= 1; }

 private:
  void add(const int32_t* positions, size_t count) {
    for (size_t row = 0; row < count;) {
      const int64_t first = positions == nullptr ? 0 : positions[row];
      size_t next = positions == nullptr ? count : row + 1;
      while (next < count && positions[next] == first + static_cast<int64_t>(next - row)) ++next;
      runs_.push_back({row, next - row, first});
      row = next;
    }
  }

  std::vector<Run> runs_;
  std::vector<size_t> series_;
};

}  // namespace tidemerge
