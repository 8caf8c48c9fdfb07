#include "runtime/thread.h"

#include <system_error>

#include "runtime/cgroup_quota.h"
#include "runtime/error.h"

#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace tidemerge {

namespace {

#if !defined(_WIN32)
// A new thread inherits the mask of its creator: it is set around the creation.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    // What the thread itself would raise (and profilers send to one thread) stays open.
    for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGPROF}) sigdelset(&all, signal);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};
#else
class SignalsBlocked {};
#endif

int processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());  // 0 when unknown
}

}  // namespace

std::thread start_thread(const char* name, std::function<void()> body) {
  try {
    [[maybe_unused]] SignalsBlocked blocked;
    std::thread thread(std::move(body));
#if defined(__linux__)
    pthread_setname_np(thread.native_handle(), name);
#else
    static_cast<void>(name);
#endif
    return thread;
  } catch (const std::system_error& error) {
    throw Error(error_code::kOutOfMemory, std::string("thread: the system gives no more threads: ") + error.what());
  }
}

int default_thread_count() {
  int count = processors();
  const double quota = cgroup_quota();
  if (quota > 0 && quota < count) count = static_cast<int>(quota);
  return count < 1 ? 1 : count;
}

}  // namespace tidemerge
