#pragma once

#include <atomic>

namespace tidemerge {

// Set once, by any thread; looked at by the executor between operators.
class CancelFlag {
 public:
  void set() noexcept { set_.store(true, std::memory_order_relaxed); }
  bool is_set() const noexcept { return set_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> set_{false};
};

// Thrown out of a run whose flag was set. Not an Error: nothing went wrong.
struct Cancelled {};

}  // namespace tidemerge
