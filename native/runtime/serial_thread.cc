#include "runtime/serial_thread.h"

#include <algorithm>

#include "runtime/thread.h"

namespace tidemerge {

SerialThread::~SerialThread() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    queue_.clear();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SerialThread::submit(Job& job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(&job);
    if (!thread_.joinable()) {
      try {
        thread_ = start_thread(name_, [this] { loop(); });
      } catch (...) {
        queue_.pop_back();
        throw;
      }
    }
  }
  wake_.notify_one();
}

bool SerialThread::withdraw(Job& job) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto place = std::find(queue_.begin(), queue_.end(), &job);
  if (place == queue_.end()) return false;
  queue_.erase(place);
  return true;
}

void SerialThread::wait(const Job& job) {
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [&] { return running_ != &job; });
}

void SerialThread::loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    Job* job = queue_.front();
    queue_.pop_front();
    running_ = job;
    lock.unlock();
    job->run();  // from here on only its address is used
    lock.lock();
    running_ = nullptr;
    idle_.notify_all();
  }
}

}  // namespace tidemerge
