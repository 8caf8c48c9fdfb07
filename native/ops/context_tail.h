#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemerge {

// The last `limit` values of series b of a ragged batch: what a model with a bounded context looks at.
template <typename T>
struct ContextTail {
  ContextTail(const T* all, const int32_t* offsets, size_t b, size_t limit) {
    const size_t end = static_cast<size_t>(offsets[b + 1]);
    const size_t length = end - static_cast<size_t>(offsets[b]);
    count = length < limit ? length : limit;
    values = all + (end - count);
  }

  const T* values;
  size_t count;
};

}  // namespace tidemerge
