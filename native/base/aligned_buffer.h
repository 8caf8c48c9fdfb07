#pragma once

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace tidemerge {

// One cache line and one AVX-512 register: packed weights and scratch start here.
constexpr size_t kBufferAlignment = 64;

// Owns `size` elements at a 64-byte boundary, uninitialised. The allocation is a whole number of cache lines, so that
// two buffers never share one. Not for kernel units.
template <typename T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable<T>::value && std::is_trivially_destructible<T>::value,
                "AlignedBuffer holds plain data");

 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size) : data_(allocate(size)), size_(size) {}
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() { std::free(data_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](size_t index) { return data_[index]; }
  const T& operator[](size_t index) const { return data_[index]; }

 private:
  static T* allocate(size_t size) {
    if (size == 0) return nullptr;
    if (size > (std::numeric_limits<size_t>::max() - kBufferAlignment) / sizeof(T)) throw std::bad_alloc();
    const size_t bytes = (size * sizeof(T) + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
    void* memory = nullptr;
    if (posix_memalign(&memory, kBufferAlignment, bytes) != 0) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }

  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tidemerge
