#pragma once

// A thread that runs one job after the other, in the order they came.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace tidemerge {

class Job {
 public:
  virtual ~Job() = default;
  // The job may be destroyed by somebody else as soon as run() has told them that it is done.
  virtual void run() noexcept = 0;
};

class SerialThread {
 public:
  explicit SerialThread(const char* name) : name_(name) {}
  // Jobs still queued are forgotten, the running one is waited for. Not on the thread itself.
  ~SerialThread();
  SerialThread(const SerialThread&) = delete;
  SerialThread& operator=(const SerialThread&) = delete;

  // The job stays with the caller and must live until it has run or was withdrawn. The thread starts with the
  // first job: throws ERR_OUT_OF_MEMORY when the system gives none.
  void submit(Job& job);

  // Takes a job back: true when it had not begun and now never will.
  bool withdraw(Job& job);

  // Returns when the job is not running (any more).
  void wait(const Job& job);

 private:
  void loop();

  const char* name_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<Job*> queue_;
  const Job* running_ = nullptr;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace tidemerge
