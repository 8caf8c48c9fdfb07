#pragma once

#include <cstddef>
#include <cstring>

#include "runtime/thread_pool.h"

namespace tidemerge {

// memcpy on several threads where that pays off: one core does not fill the memory bus.
inline void copy_bytes(ThreadPool& threads, const void* from, void* to, size_t bytes) {
  constexpr size_t kGrain = size_t{256} << 10;
  if (bytes <= kGrain) {
    if (bytes != 0) std::memcpy(to, from, bytes);
    return;
  }
  threads.parallel_ranges(bytes, kGrain, [&](size_t begin, size_t end, int) {
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin, end - begin);
  });
}

}  // namespace tidemerge
