#include "runtime/buffer_pool.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

#include "runtime/error.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tidemerge {

namespace {

// Classes: eight per power of two, from 64 bytes on. A buffer wastes at most an eighth of itself.
constexpr size_t kStepsPerOctave = 8;
constexpr size_t kClasses = 64 * kStepsPerOctave;

// A kept buffer serves requests down to so many classes below its own.
constexpr size_t kReach = kStepsPerOctave;

// From this size on huge pages are asked for: a GEMM that walks packed weights in 4 KiB pages misses its TLB.
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kHugeFrom = 2 * kHugePage;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

int octave_of(size_t bytes) { return 63 - __builtin_clzll(bytes); }

struct SizeClass {
  size_t index;
  size_t bytes;
};

SizeClass class_of(size_t bytes) {
  if (bytes < BufferPool::kAlignment) bytes = BufferPool::kAlignment;
  const size_t octave = static_cast<size_t>(octave_of(bytes));
  const size_t base = size_t{1} << octave;
  size_t step = base / kStepsPerOctave;
  if (step < BufferPool::kAlignment) step = BufferPool::kAlignment;
  const size_t steps = (bytes - base + step - 1) / step;
  // The last step of an octave is the first class of the next one: both names must give one index.
  const size_t rounded = base + steps * step;
  const size_t final_octave = static_cast<size_t>(octave_of(rounded));
  const size_t place = (rounded - (size_t{1} << final_octave)) / ((size_t{1} << final_octave) / kStepsPerOctave);
  return {final_octave * kStepsPerOctave + place, rounded};
}

size_t bytes_of(size_t index) {
  const size_t base = size_t{1} << (index / kStepsPerOctave);
  return base + index % kStepsPerOctave * base / kStepsPerOctave;
}

std::byte* system_allocate(size_t bytes) {
  const size_t alignment = bytes >= kHugeFrom ? kHugePage : BufferPool::kAlignment;
  void* memory = nullptr;
#if defined(_WIN32)
  memory = _aligned_malloc(bytes, alignment);
#else
  if (posix_memalign(&memory, alignment, bytes) != 0) return nullptr;
#endif
#if defined(__linux__)
  if (bytes >= kHugeFrom) madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: its refusal changes nothing
#endif
  return static_cast<std::byte*>(memory);
}

void system_free(std::byte* memory) noexcept {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  std::free(memory);
#endif
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeepBuffers = false;  // otherwise AddressSanitizer could not see a use after free
#else
constexpr bool kKeepBuffers = true;
#endif

}  // namespace

struct BufferPool::State {
  // A kept buffer holds its list link in its own first bytes: keeping one never allocates.
  struct Kept {
    Kept* next;
  };

  mutable std::mutex mutex;
  Kept* kept[kClasses] = {};
  size_t limit = kNoLimit;
  size_t keep = 0;
  size_t in_use_bytes = 0;
  size_t kept_bytes = 0;
  size_t system_calls = 0;

  void trim_locked() noexcept {
    for (Kept*& head : kept) {
      while (head != nullptr) {
        Kept* next = head->next;
        system_free(reinterpret_cast<std::byte*>(head));
        head = next;
      }
    }
    kept_bytes = 0;
  }

  struct Taken {
    std::byte* memory;  // nullptr: nothing kept fits
    size_t bytes;
  };

  // The smallest kept buffer of this class or one of the next ones. Under a limit of this class only: what a larger one
  // has too much is in use, and could be what the next request lacks.
  Taken take_kept(size_t first) {
    const size_t reach = limit == kNoLimit ? kReach : 0;
    const size_t end = std::min(first + reach + 1, kClasses);
    for (size_t index = first; index < end; ++index) {
      Kept* head = kept[index];
      if (head == nullptr) continue;
      const size_t bytes = bytes_of(index);
      kept[index] = head->next;
      kept_bytes -= bytes;
      in_use_bytes += bytes;
      return {reinterpret_cast<std::byte*>(head), bytes};
    }
    return {nullptr, 0};
  }

  // Reserves the bytes in the accounts; false when the limit forbids them.
  bool reserve(size_t bytes) {
    if (bytes > limit || in_use_bytes > limit - bytes) return false;
    if (kept_bytes > limit - bytes - in_use_bytes) trim_locked();
    in_use_bytes += bytes;
    ++system_calls;
    return true;
  }
};

namespace {

[[noreturn]] void refuse(size_t bytes, size_t in_use, size_t limit) {
  std::string message =
      "memory: " + std::to_string(bytes) + " bytes more were refused, " + std::to_string(in_use) + " are in use";
  if (limit != BufferPool::kNoLimit) message += ", the limit is " + std::to_string(limit);
  throw Error(error_code::kOutOfMemory, message);
}

}  // namespace

BufferPool::BufferPool(size_t limit, size_t keep) : state_(std::make_unique<State>()) {
  state_->limit = limit;
  state_->keep = kKeepBuffers ? keep : 0;
}

BufferPool::~BufferPool() { trim(); }

std::byte* BufferPool::fresh(size_t bytes) {
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    if (!state_->reserve(bytes)) refuse(bytes, state_->in_use_bytes, state_->limit);
  }
  std::byte* memory = system_allocate(bytes);
  if (memory == nullptr) {
    trim();  // kept buffers may be what is missing
    memory = system_allocate(bytes);
  }
  if (memory == nullptr) {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->in_use_bytes -= bytes;
    refuse(bytes, state_->in_use_bytes, state_->limit);
  }
  return memory;
}

namespace {

// With checks on, memory nobody wrote reads as NaN (floats) or -1 (integers).
std::byte* poisoned(std::byte* memory, size_t bytes) {
#if defined(TIDEMERGE_CHECKS) && TIDEMERGE_CHECKS
  std::memset(memory, 0xff, bytes);
#else
  static_cast<void>(bytes);
#endif
  return memory;
}

constexpr size_t kLargest = size_t{1} << 62;

}  // namespace

Buffer BufferPool::allocate(size_t bytes) {
  if (bytes > kLargest) refuse(bytes, statistics().in_use, state_->limit);
  const SizeClass size = class_of(bytes);
  State::Taken taken{};
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    taken = state_->take_kept(size.index);
  }
  if (taken.memory == nullptr) taken = {fresh(size.bytes), size.bytes};
  return Buffer(this, poisoned(taken.memory, taken.bytes), taken.bytes, true);
}

Buffer BufferPool::allocate_exact(size_t bytes) {
  if (bytes > kLargest) refuse(bytes, statistics().in_use, state_->limit);
  const size_t rounded = round_up(bytes == 0 ? 1 : bytes, kAlignment);
  return Buffer(this, poisoned(fresh(rounded), rounded), rounded, false);
}

void BufferPool::release(std::byte* data, size_t capacity, bool pooled) noexcept {
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->in_use_bytes -= capacity;
    if (pooled && capacity <= state_->keep - state_->kept_bytes) {
      auto* kept = new (data) State::Kept{nullptr};
      State::Kept*& head = state_->kept[class_of(capacity).index];
      kept->next = head;
      head = kept;
      state_->kept_bytes += capacity;
      return;
    }
  }
  system_free(data);
}

void BufferPool::trim() noexcept {
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->trim_locked();
}

BufferPool::Statistics BufferPool::statistics() const {
  std::lock_guard<std::mutex> lock(state_->mutex);
  return {state_->in_use_bytes, state_->kept_bytes, state_->system_calls};
}

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(other.pool_),
      data_(std::exchange(other.data_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)),
      pooled_(other.pooled_) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    reset();
    pool_ = other.pool_;
    data_ = std::exchange(other.data_, nullptr);
    capacity_ = std::exchange(other.capacity_, 0);
    pooled_ = other.pooled_;
  }
  return *this;
}

void Buffer::reset() noexcept {
  if (data_ == nullptr) return;
  pool_->release(data_, capacity_, pooled_);
  data_ = nullptr;
  capacity_ = 0;
}

}  // namespace tidemerge
