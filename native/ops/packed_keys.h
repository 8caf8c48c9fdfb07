#pragma once

#include <vector>

#include "kernels/attention/attention.h"
#include "ops/operator.h"

namespace tidemerge {

// Where the packed keys of every series and head lie in one block of floats: series after series, head after head.
class PackedKeyLayout {
 public:
  PackedKeyLayout(const AttentionKernels& kernels, const int32_t* offsets, size_t batch, size_t heads, size_t head_dim)
      : series_(batch + 1, 0), head_(batch, 0) {
    for (size_t b = 0; b < batch; ++b) {
      head_[b] = head_floats(kernels, static_cast<size_t>(offsets[b + 1] - offsets[b]), head_dim);
      series_[b + 1] = series_[b] + heads * head_[b];
    }
  }

  size_t floats() const { return series_.back(); }
  size_t at(size_t b, size_t head) const { return series_[b] + head * head_[b]; }

  // Of the keys of one head, rounded up so that the next head starts on a cache line.
  static size_t head_floats(const AttentionKernels& kernels, size_t num_keys, size_t head_dim) {
    constexpr size_t kLine = BufferPool::kAlignment / sizeof(float);
    return (kernels.packed_key_floats(num_keys, head_dim) + kLine - 1) / kLine * kLine;
  }

 private:
  std::vector<size_t> series_;  // where a series begins
  std::vector<size_t> head_;    // from one of its heads to the next
};

}  // namespace tidemerge
