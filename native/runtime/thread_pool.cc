#include "runtime/thread_pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/error.h"
#include "runtime/thread.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace tidemerge {

namespace {

using Clock = std::chrono::steady_clock;

// Long enough to bridge the serial code between two small operators, short enough not to be seen when idle.
constexpr auto kWorkerSpin = std::chrono::microseconds(50);
constexpr auto kCallerSpin = std::chrono::microseconds(50);
constexpr int kPausesPerClockRead = 32;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until `ready` or until the time is up; whether it was ready.
template <typename Ready>
bool spin_until(Clock::duration time, const Ready& ready) {
  for (int i = 0; i < kPausesPerClockRead; ++i) {
    if (ready()) return true;
    pause();
  }
  const Clock::time_point end = Clock::now() + time;
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      if (ready()) return true;
      pause();
    }
  } while (Clock::now() < end);
  return false;
}

thread_local bool t_inside = false;

// Marks the current thread as one that runs indices.
struct Inside {
  Inside() { t_inside = true; }
  ~Inside() { t_inside = false; }
};

constexpr uint32_t kClosed = std::numeric_limits<uint32_t>::max();

uint64_t pack(uint32_t job, uint32_t next) { return uint64_t{job} << 32 | next; }
uint32_t job_of(uint64_t state) { return static_cast<uint32_t>(state >> 32); }
uint32_t next_of(uint64_t state) { return static_cast<uint32_t>(state); }

}  // namespace

// The share of one thread: indices [next, end), taken one at a time by compare and swap, by anybody.
//
// A thread may look at a share while the caller sets up the next job. What it read (end, function,
// closure) is used only after its swap on `state` succeeded, and that proves it belongs together: the caller
// closes every share first, so a swap based on an older state fails once anything of a new job is visible;
// and while an index of a job is open or running, the caller cannot begin another job.
struct alignas(64) Share {
  std::atomic<uint64_t> state{pack(0, kClosed)};  // job number and next index
  std::atomic<uint32_t> end{0};
};

struct ThreadPool::Shared {
  explicit Shared(int threads) : shares(static_cast<size_t>(threads)) {}

  std::vector<Share> shares;
  std::atomic<Function> function{nullptr};
  std::atomic<const void*> closure{nullptr};
  alignas(64) std::atomic<uint32_t> open{0};  // indices of the current job not yet done
  std::atomic<bool> failed{false};
  alignas(64) std::atomic<uint32_t> job{0};
  std::atomic<int> sleeping_workers{0};
  std::atomic<bool> caller_waits{false};
  std::atomic<bool> stop{false};

  std::mutex mutex;  // guards sleeping, waiting and `error`
  std::condition_variable wake_workers;
  std::condition_variable wake_caller;
  std::exception_ptr error;

  std::mutex callers;  // held by the thread whose job this is
  std::vector<std::thread> workers;

  void publish(size_t count, Function fn, const void* context);
  void wake(size_t count);
  void work(int thread);
  uint32_t drain(size_t place, int thread);
  void finish(uint32_t done);
  void wait_until_done();
  void worker_loop(int thread);
  void stop_all();
};

void ThreadPool::Shared::publish(size_t count, Function fn, const void* context) {
  const uint32_t number = job.load(std::memory_order_relaxed) + 1;
  for (Share& share : shares) share.state.store(pack(number, kClosed), std::memory_order_relaxed);
  function.store(fn, std::memory_order_release);
  closure.store(context, std::memory_order_release);
  failed.store(false, std::memory_order_relaxed);
  open.store(static_cast<uint32_t>(count), std::memory_order_relaxed);
  uint32_t begin = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    const auto end = static_cast<uint32_t>(count * (i + 1) / shares.size());
    shares[i].end.store(end, std::memory_order_release);
    shares[i].state.store(pack(number, begin), std::memory_order_release);
    begin = end;
  }
  job.store(number, std::memory_order_seq_cst);
}

// Wakes no more workers than there is work for. Workers still spinning see the job by themselves.
void ThreadPool::Shared::wake(size_t count) {
  const int sleeping = sleeping_workers.load(std::memory_order_seq_cst);
  if (sleeping == 0) return;
  { std::lock_guard<std::mutex> lock(mutex); }  // a worker about to sleep has now either slept or seen the job
  const size_t wanted = count - 1;
  if (wanted >= static_cast<size_t>(sleeping)) {
    wake_workers.notify_all();
  } else {
    for (size_t i = 0; i < wanted; ++i) wake_workers.notify_one();
  }
}

// Runs what is left of one share; how many indices that were.
uint32_t ThreadPool::Shared::drain(size_t place, int thread) {
  Share& share = shares[place];
  uint32_t done = 0;
  uint64_t state = share.state.load(std::memory_order_acquire);
  for (;;) {
    const uint32_t index = next_of(state);
    if (index == kClosed || index >= share.end.load(std::memory_order_acquire)) return done;
    const Function fn = function.load(std::memory_order_acquire);
    const void* context = closure.load(std::memory_order_acquire);
    if (!share.state.compare_exchange_weak(state, pack(job_of(state), index + 1), std::memory_order_acq_rel,
                                           std::memory_order_acquire)) {
      continue;
    }
    state = pack(job_of(state), index + 1);
    ++done;
    if (failed.load(std::memory_order_relaxed)) continue;
    try {
      fn(context, index, thread);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex);
      if (!error) error = std::current_exception();
      failed.store(true, std::memory_order_relaxed);
    }
  }
}

void ThreadPool::Shared::work(int thread) {
  Inside inside;
  const size_t count = shares.size();
  for (size_t i = 0; i < count; ++i) {
    const uint32_t done = drain((static_cast<size_t>(thread) + i) % count, thread);
    if (done != 0) finish(done);
  }
}

void ThreadPool::Shared::finish(uint32_t done) {
  if (open.fetch_sub(done, std::memory_order_seq_cst) != done) return;
  if (caller_waits.load(std::memory_order_seq_cst)) {
    std::lock_guard<std::mutex> lock(mutex);
    wake_caller.notify_all();
  }
}

void ThreadPool::Shared::wait_until_done() {
  const auto is_done = [this] { return open.load(std::memory_order_seq_cst) == 0; };
  if (spin_until(kCallerSpin, is_done)) return;
  caller_waits.store(true, std::memory_order_seq_cst);
  {
    std::unique_lock<std::mutex> lock(mutex);
    wake_caller.wait(lock, is_done);
  }
  caller_waits.store(false, std::memory_order_relaxed);
}

void ThreadPool::Shared::worker_loop(int thread) {
  uint32_t seen = 0;
  const auto has_news = [&] {
    return job.load(std::memory_order_seq_cst) != seen || stop.load(std::memory_order_relaxed);
  };
  for (;;) {
    if (!spin_until(kWorkerSpin, has_news)) {
      std::unique_lock<std::mutex> lock(mutex);
      sleeping_workers.fetch_add(1, std::memory_order_seq_cst);
      wake_workers.wait(lock, has_news);
      sleeping_workers.fetch_sub(1, std::memory_order_seq_cst);
    }
    if (stop.load(std::memory_order_relaxed)) return;
    seen = job.load(std::memory_order_seq_cst);
    work(thread);
  }
}

void ThreadPool::Shared::stop_all() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stop.store(true, std::memory_order_relaxed);
  }
  wake_workers.notify_all();
  for (std::thread& worker : workers) worker.join();
  workers.clear();
}

ThreadPool::ThreadPool(int threads) : threads_(threads), shared_(std::make_unique<Shared>(threads)) {
  try {
    for (int i = 1; i < threads; ++i) {
      shared_->workers.push_back(
          start_thread("tidemerge-work", [shared = shared_.get(), i] { shared->worker_loop(i); }));
    }
  } catch (...) {
    shared_->stop_all();
    throw;
  }
}

ThreadPool::~ThreadPool() { shared_->stop_all(); }

void ThreadPool::run(size_t count, Function function, const void* closure) {
  if (t_inside) throw Error(error_code::kInternal, "thread pool: parallel_for was called from inside parallel_for");
  if (count == 0) return;
  std::unique_lock<std::mutex> turn;
  const bool alone = threads_ == 1 || count == 1 || count >= kClosed;
  if (!alone) turn = std::unique_lock<std::mutex>(shared_->callers, std::try_to_lock);
  if (!turn.owns_lock()) {
    Inside inside;
    for (size_t index = 0; index < count; ++index) function(closure, index, 0);
    return;
  }
  shared_->publish(count, function, closure);
  shared_->wake(count);
  shared_->work(0);
  shared_->wait_until_done();
  if (shared_->failed.load(std::memory_order_relaxed)) {
    std::exception_ptr error;
    {
      std::lock_guard<std::mutex> lock(shared_->mutex);
      error.swap(shared_->error);
    }
    std::rethrow_exception(error);
  }
}

}  // namespace tidemerge
