#pragma once

// The relative position bias of merged tokens: for queries I and keys J, each a group of original tokens,
//
//     bias[h][I, J] = mean over i in I, j in J of table[h][clamp(position[j] - position[i], -D, D) + D]
//
// the plain mean over all pairs of original positions (arXiv 2405.17951: position biases are merged by the same
// correspondences as the tokens). No matrix of length x length is stored: attention asks for the rows of a few queries
// at a time. A row takes two steps.
//
//   1. The rows of the group's members are added, in ascending order of members. Where the original positions are
//      consecutive such a row is a stretch of the table read at a shifting place (Toeplitz): nothing is computed for a
//      query of one token, and one vector addition per further member.
//   2. Every key group takes the mean of its members' numbers, added in ascending order. Groups need not be contiguous.
//
// Both orders depend on the groups alone. Error: (|I| + |J| + 2) 2^-24 max|table| at most.

#include <vector>

#include "ops/distance_bias.h"
#include "ops/position_runs.h"

namespace tidemerge {

class MergedBias {
 public:
  // Inputs groups i32 [originals, 1] (place of every original token's group in its series), groupOffsets i32 [B+1, 1]
  // and groupPositions? i32 [originals, 1], from input i on. `offsets`: the groups of every series.
  MergedBias(const Call& call, size_t i, const int32_t* offsets, size_t batch, DistanceBias bias);

  // Floats fill() needs.
  size_t scratch_floats() const { return (3 + kTogether) * longest_; }

  // Rows of the queries [first, first + count) of series b, one after the other: out[count][groups of b].
  void fill(size_t b, size_t h, size_t first, size_t count, float* out, float* scratch) const;

 private:
  // A member of a key group that is not the group's first one.
  struct Further {
    int32_t original;
    int32_t group;
  };

  // Rows whose second step is done in one pass.
  static constexpr size_t kTogether = 4;

  void read_series(const Call& call, size_t b);
  // The sum over the members of a group, for every original key. `row` is memory for it.
  const float* sum_of_members(size_t b, size_t h, size_t group, const float* toeplitz, float* row, float* more) const;
  template <size_t kRows>
  void sum_over_keys(size_t b, const float* const* sums, float* out, size_t keys) const;
  void row_of(size_t b, size_t h, size_t original, float* out) const;
  size_t originals(size_t b) const { return static_cast<size_t>(original_offsets_[b + 1] - original_offsets_[b]); }
  int64_t position(size_t b, size_t original) const;

  const ElementwiseKernels& kernels_;
  DistanceBias bias_;
  const int32_t* offsets_;
  const int32_t* groups_;
  const int32_t* original_offsets_ = nullptr;
  const int32_t* positions_ = nullptr;  // or null: 0, 1, 2 …
  PositionRuns runs_;
  size_t longest_ = 0;                 // originals of a series
  std::vector<int32_t> members_;       // of every group, ascending
  std::vector<int32_t> member_begin_;  // by group of the batch, and the end
  std::vector<int32_t> firsts_;        // by group of the batch: its first member
  std::vector<float> shares_;          // by group of the batch: 1 / its members
  std::vector<Further> further_;
  std::vector<size_t> further_begin_;  // by series, and the end
};

}  // namespace tidemerge
