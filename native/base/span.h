#pragma once

#include <cstddef>

#include "base/assume.h"

namespace tidemerge {

// A pointer and a length. Not for kernel units: its members are weak symbols.
template <typename T>
class Span {
 public:
  constexpr Span() = default;
  constexpr Span(T* data, size_t size) : data_(data), size_(size) {}
  template <typename Container>
  constexpr Span(Container& container) : data_(container.data()), size_(container.size()) {}  // NOLINT: a view converts

  constexpr T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }
  T& operator[](size_t index) const {
    TIDEMERGE_ASSUME(index < size_);
    return data_[index];
  }
  Span subspan(size_t first, size_t count) const {
    TIDEMERGE_ASSUME(first <= size_ && count <= size_ - first);
    return Span(data_ + first, count);
  }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tidemerge
