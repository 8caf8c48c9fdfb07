#pragma once

// How operators share work between threads: contiguous ranges of independent rows, at most one per thread, and
// none at all for small problems, where waking a thread takes longer than the work.

#include "ops/operator.h"

namespace tidemerge {

// Work is counted in steps: about one float read, worked on and written, a fraction of a nanosecond. A range of
// fewer steps than this (a few microseconds) is not worth another thread.
constexpr size_t kStepsWorthAThread = 16384;

// fn(begin, end, thread) over ranges that cover [0, count).
template <typename F>
void for_ranges(const Call& call, size_t count, size_t steps_each, const F& fn) {
  if (count == 0) return;
  const size_t grain = steps_each >= kStepsWorthAThread ? 1 : kStepsWorthAThread / (steps_each + 1) + 1;
  if (count <= grain || call.threads().threads() == 1) {
    fn(size_t{0}, count, 0);
  } else {
    call.threads().parallel_ranges(count, grain, fn);
  }
}

// fn(index, thread) for every index in [0, count).
template <typename F>
void for_each_index(const Call& call, size_t count, size_t steps_each, const F& fn) {
  if (count > 1 && count * steps_each >= 2 * kStepsWorthAThread) {
    call.threads().parallel_for(count, fn);
  } else {
    for (size_t i = 0; i < count; ++i) fn(i, 0);
  }
}

}  // namespace tidemerge
