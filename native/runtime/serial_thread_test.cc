#include "runtime/serial_thread.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "testing/test.h"

namespace tidemerge {
namespace {

class Recorder final : public Job {
 public:
  Recorder(int number, std::vector<int>& log, std::atomic<int>& done) : number_(number), log_(log), done_(done) {}
  void run() noexcept override {
    log_.push_back(number_);
    done_.fetch_add(1);
  }

 private:
  int number_;
  std::vector<int>& log_;
  std::atomic<int>& done_;
};

class Gate final : public Job {
 public:
  void run() noexcept override {
    begun.store(true);
    while (!open.load()) std::this_thread::yield();
    ended.store(true);
  }
  std::atomic<bool> begun{false}, open{false}, ended{false};
};

void wait_for(const std::atomic<bool>& flag) {
  while (!flag.load()) std::this_thread::yield();
}

TEST(serial_thread_keeps_the_order) {
  std::vector<int> log;
  std::atomic<int> done{0};
  std::vector<std::unique_ptr<Recorder>> jobs;
  SerialThread thread("test");
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(std::make_unique<Recorder>(i, log, done));
    thread.submit(*jobs.back());
  }
  while (done.load() < 100) std::this_thread::yield();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(log[static_cast<size_t>(i)], i);
}

TEST(serial_thread_withdraws_only_what_has_not_begun) {
  Gate gate, queued, last;
  last.open.store(true);
  SerialThread thread("test");
  thread.submit(gate);
  thread.submit(queued);
  thread.submit(last);
  wait_for(gate.begun);
  EXPECT_TRUE(!thread.withdraw(gate));
  EXPECT_TRUE(thread.withdraw(queued));
  EXPECT_TRUE(!thread.withdraw(queued));
  gate.open.store(true);
  wait_for(last.ended);
  EXPECT_TRUE(!queued.begun.load());
}

TEST(serial_thread_wait_returns_when_the_job_is_over) {
  Gate gate;
  SerialThread thread("test");
  thread.wait(gate);  // not running: at once
  thread.submit(gate);
  wait_for(gate.begun);
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    gate.open.store(true);
  });
  thread.wait(gate);
  EXPECT_TRUE(gate.ended.load());
  opener.join();
}

TEST(serial_thread_forgets_the_queue_when_it_ends) {
  Gate gate, queued;
  {
    SerialThread thread("test");
    thread.submit(gate);
    thread.submit(queued);
    wait_for(gate.begun);
    std::thread opener([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      gate.open.store(true);
    });
    opener.detach();
  }
  EXPECT_TRUE(gate.ended.load());
  EXPECT_TRUE(!queued.begun.load());
}

}  // namespace
}  // namespace tidemerge
