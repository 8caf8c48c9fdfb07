#pragma once

// Fork-join on a fixed set of threads; the calling thread takes part.
//
// Work.        parallel_for(count, fn) calls fn(index, thread) once for every index in [0, count). Each thread
//              starts with its own contiguous share, the same for the same count, so data stays in its
//              cache from one operator to the next; who is done early helps the others.
// Determinism. Which thread runs an index is open, so fn must compute the same for an index on any thread:
//              `thread` (in [0, threads())) is only for choosing scratch. Results then never depend on
//              the number of threads.
// Exceptions.  The first exception thrown by fn is rethrown on the caller after all running indices have
//              ended; indices not yet begun are skipped.
// Nesting.     Calling parallel_for from inside fn throws ERR_INTERNAL.
// Callers.     Any thread may call. While another thread's parallel_for runs, the call computes alone
//              (thread = 0): it never waits for foreign work.
// Idle.        Threads spin for a few tens of microseconds after work, then sleep. With threads() == 1 there are
//              no other threads and no synchronisation at all.

#include <cstddef>
#include <memory>
#include <type_traits>

namespace tidemerge {

class ThreadPool {
 public:
  // threads >= 1 counts the caller. Throws ERR_OUT_OF_MEMORY when the system gives no more threads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  template <typename F>
  void parallel_for(size_t count, const F& fn) {
    run(
        count, [](const void* f, size_t index, int thread) { (*static_cast<const F*>(f))(index, thread); }, &fn);
  }

  // fn(begin, end, thread) over ranges that together cover [0, count). Ranges begin at multiples of `grain` and are
  // no shorter than it, except the last; there are up to four for every thread, so that one that is held up can be
  // helped. For loops whose elements do not depend on each other: the borders depend on the number of threads,
  // results must not.
  template <typename F>
  void parallel_ranges(size_t count, size_t grain, const F& fn) {
    if (count == 0) return;
    const size_t grains = (count + grain - 1) / grain;
    const size_t most = threads_ == 1 ? 1 : 4 * static_cast<size_t>(threads_);
    const size_t ranges = grains < most ? grains : most;
    parallel_for(ranges, [&](size_t r, int thread) {
      const size_t begin = grains * r / ranges * grain;
      const size_t end = r + 1 == ranges ? count : grains * (r + 1) / ranges * grain;
      fn(begin, end, thread);
    });
  }

 private:
  using Function = void (*)(const void* closure, size_t index, int thread);
  void run(size_t count, Function function, const void* closure);

  struct Shared;
  int threads_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace tidemerge
