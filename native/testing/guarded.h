#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

namespace tidemerge::testing {

// n elements that start `misalignment` elements behind a 64-byte boundary, between guard bytes of a known pattern. The
// elements start as a pattern too (a quiet NaN for floats), so that an element nobody wrote is seen. Writes outside are
// found by intact(). Under the address sanitizer the allocation ends with the last element, so that reads behind it are
// found too.
template <typename T>
class GuardedBuffer {
  static_assert(std::is_trivially_copyable<T>::value, "GuardedBuffer holds plain data");

 public:
  explicit GuardedBuffer(size_t n, size_t misalignment = 0) : size_(n) {
    front_ = kGuardBytes + misalignment * sizeof(T);
    bytes_ = front_ + n * sizeof(T) + kBackBytes;
    // aligned_alloc wants a multiple of the alignment; the sanitizer wants the exact end. posix_memalign takes any
    // size.
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, bytes_) != 0) throw std::bad_alloc();
    memory_ = static_cast<unsigned char*>(memory);
    std::memset(memory_, kPattern, bytes_);
    std::memset(memory_ + front_, kUnwritten, n * sizeof(T));
  }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer() { std::free(memory_); }

  T* data() { return reinterpret_cast<T*>(memory_ + front_); }
  const T* data() const { return reinterpret_cast<const T*>(memory_ + front_); }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }

  // True while no byte before or behind the elements has changed.
  bool intact() const {
    for (size_t i = 0; i < front_; ++i) {
      if (memory_[i] != kPattern) return false;
    }
    for (size_t i = front_ + size_ * sizeof(T); i < bytes_; ++i) {
      if (memory_[i] != kPattern) return false;
    }
    return true;
  }

  // Byte for byte: also NaN payloads and the sign of zero.
  bool same_bytes(const GuardedBuffer& other) const {
    return size_ == other.size_ && (size_ == 0 || std::memcmp(data(), other.data(), size_ * sizeof(T)) == 0);
  }

 private:
  static constexpr unsigned char kPattern = 0xa5;
  static constexpr unsigned char kUnwritten = 0xff;  // all ones is a NaN in f32, f64 and bf16
#if defined(__SANITIZE_ADDRESS__)
  // The redzone behind the allocation catches reads and writes alike.
  static constexpr size_t kBackBytes = 0;
#else
  static constexpr size_t kBackBytes = 128;
#endif
  static constexpr size_t kGuardBytes = 128;

  size_t size_ = 0;
  size_t front_ = 0;
  size_t bytes_ = 0;
  unsigned char* memory_ = nullptr;
};

}  // namespace tidemerge::testing
