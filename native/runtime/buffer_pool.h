#pragma once

// Memory for tensors, scratch and weights. Freed buffers are kept by size class and handed out again, also for requests
// down to half their size: the ever shorter values of a program that merges tokens go into what the first ones left.
// Once a few runs of some shapes have passed, further ones ask the system for nothing.
//
// Alignment. Every buffer is 64-byte aligned and its capacity is a multiple of 64.
// Contents.  Not initialised.
// Threads.   All functions may be called from any thread.
// Limit.     `limit` bounds the bytes in use and kept together; kept buffers are given back to the system
//            before the limit is reported. Going past it, or a refusal of the system, throws Error with
//            code ERR_OUT_OF_MEMORY.

#include <cstddef>
#include <memory>

namespace tidemerge {

class BufferPool;

// Owns one allocation; gives it back to its pool when destroyed. The pool must outlive it.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { reset(); }

  std::byte* data() const { return data_; }
  size_t capacity() const { return capacity_; }
  explicit operator bool() const { return data_ != nullptr; }
  void reset() noexcept;

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, std::byte* data, size_t capacity, bool pooled)
      : pool_(pool), data_(data), capacity_(capacity), pooled_(pooled) {}

  BufferPool* pool_ = nullptr;
  std::byte* data_ = nullptr;
  size_t capacity_ = 0;
  bool pooled_ = false;
};

class BufferPool {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kNoLimit = ~size_t{0};
  // Bytes of free buffers kept for later at most.
  static constexpr size_t kDefaultKeep = size_t{256} << 20;

  explicit BufferPool(size_t limit = kNoLimit, size_t keep = kDefaultKeep);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // At least `bytes` (0 gives a valid, smallest buffer). A new one is rounded up to a size class, by at most 1/8; a
  // kept one may be twice as large as that.
  Buffer allocate(size_t bytes);

  // For memory that lives long (weights): no rounding to a class, never kept for later.
  Buffer allocate_exact(size_t bytes);

  // Gives all kept buffers back to the system.
  void trim() noexcept;

  struct Statistics {
    size_t in_use;        // bytes of living buffers
    size_t kept;          // bytes of free buffers kept for later
    size_t system_calls;  // allocations the system was asked for, since the beginning
  };
  Statistics statistics() const;

 private:
  friend class Buffer;
  std::byte* fresh(size_t bytes);
  void release(std::byte* data, size_t capacity, bool pooled) noexcept;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemerge
