#include "runtime/thread_pool.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/expect_code.h"

namespace tidemerge {
namespace {

constexpr int kThreadCounts[] = {1, 2, 3, 5};

TEST(thread_pool_runs_every_index_once) {
  for (int threads : kThreadCounts) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (size_t count : {0, 1, 2, 3, 4, 5, 7, 64, 1000}) {
      TRACE("%d threads, %zu indices", threads, count);
      std::vector<std::atomic<int>> runs(count + 1);
      std::atomic<int> foreign{0};
      pool.parallel_for(count, [&](size_t index, int thread) {
        runs[index].fetch_add(1);
        if (thread < 0 || thread >= threads) foreign.fetch_add(1);
      });
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(runs[i].load(), 1);
      EXPECT_EQ(runs[count].load(), 0);
      EXPECT_EQ(foreign.load(), 0);
    }
  }
}

TEST(thread_pool_no_two_threads_share_a_number) {
  ThreadPool pool(3);
  std::atomic<int> busy[3] = {};
  std::atomic<int> clashes{0};
  for (int round = 0; round < 200; ++round) {
    pool.parallel_for(30, [&](size_t, int thread) {
      if (busy[thread].fetch_add(1) != 0) clashes.fetch_add(1);
      busy[thread].fetch_sub(1);
    });
  }
  EXPECT_EQ(clashes.load(), 0);
}

TEST(thread_pool_ranges_cover_once_on_grain_borders) {
  for (int threads : kThreadCounts) {
    ThreadPool pool(threads);
    for (size_t count : {0, 1, 15, 16, 17, 31, 33, 1000}) {
      for (size_t grain : {1, 4, 16}) {
        TRACE("%d threads, %zu by %zu", threads, count, grain);
        std::vector<std::atomic<int>> runs(count);
        std::atomic<int> ranges{0}, wrong{0};
        pool.parallel_ranges(count, grain, [&](size_t begin, size_t end, int) {
          ranges.fetch_add(1);
          if (begin % grain != 0 || begin >= end || end > count) wrong.fetch_add(1);
          if (end != count && end - begin < grain) wrong.fetch_add(1);
          for (size_t i = begin; i < end; ++i) runs[i].fetch_add(1);
        });
        EXPECT_TRUE(ranges.load() <= 4 * threads);
        EXPECT_EQ(wrong.load(), 0);
        for (size_t i = 0; i < count; ++i) EXPECT_EQ(runs[i].load(), 1);
      }
    }
  }
}

TEST(thread_pool_many_small_jobs) {
  for (int threads : {2, 4}) {
    ThreadPool pool(threads);
    std::atomic<uint64_t> sum{0};
    for (size_t job = 0; job < 20000; ++job) {
      pool.parallel_for(1 + job % 7, [&](size_t index, int) { sum.fetch_add(index + 1, std::memory_order_relaxed); });
    }
    uint64_t expected = 0;
    for (size_t job = 0; job < 20000; ++job) {
      const uint64_t count = 1 + job % 7;
      expected += count * (count + 1) / 2;
    }
    EXPECT_EQ(sum.load(), expected);
  }
}

TEST(thread_pool_wakes_sleeping_threads) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // far longer than the threads spin
    std::atomic<int> inside{0};
    // Every index waits for the others: ends only if all three threads take part.
    pool.parallel_for(3, [&](size_t, int) {
      inside.fetch_add(1);
      while (inside.load() < 3) std::this_thread::yield();
    });
    EXPECT_EQ(inside.load(), 3);
  }
}

TEST(thread_pool_what_the_caller_wrote_is_seen_and_the_other_way_round) {
  ThreadPool pool(3);
  std::vector<int> in(64), out(64);
  for (int round = 0; round < 500; ++round) {
    for (int& x : in) x = round;
    pool.parallel_for(64, [&](size_t i, int) { out[i] = in[i] + 1; });
    int wrong = 0;
    for (int x : out) wrong += x != round + 1;
    EXPECT_EQ(wrong, 0);
  }
}

TEST(thread_pool_exceptions_reach_the_caller) {
  for (int threads : kThreadCounts) {
    ThreadPool pool(threads);
    for (size_t bad = 0; bad < 12; ++bad) {
      TRACE("%d threads, index %zu", threads, bad);
      std::string caught;
      try {
        pool.parallel_for(12, [&](size_t index, int) {
          if (index == bad) throw std::runtime_error("index " + std::to_string(index));
        });
      } catch (const std::runtime_error& error) {
        caught = error.what();
      }
      EXPECT_EQ(caught, "index " + std::to_string(bad));
      std::atomic<int> runs{0};
      pool.parallel_for(12, [&](size_t, int) { runs.fetch_add(1); });  // the pool is as good as new
      EXPECT_EQ(runs.load(), 12);
    }
    bool out_of_memory = false;
    try {
      pool.parallel_for(100, [](size_t, int) { throw std::bad_alloc(); });
    } catch (const std::bad_alloc&) {
      out_of_memory = true;
    }
    EXPECT_TRUE(out_of_memory);
  }
}

TEST(thread_pool_refuses_nested_use) {
  for (int threads : kThreadCounts) {
    ThreadPool pool(threads);
    EXPECT_CODE(pool.parallel_for(4, [&](size_t, int) { pool.parallel_for(4, [](size_t, int) {}); }), "ERR_INTERNAL");
    ThreadPool other(2);
    EXPECT_CODE(pool.parallel_for(1, [&](size_t, int) { other.parallel_for(4, [](size_t, int) {}); }), "ERR_INTERNAL");
    int runs = 0;
    pool.parallel_for(1, [&](size_t, int) { ++runs; });
    EXPECT_EQ(runs, 1);
  }
}

TEST(thread_pool_two_callers_do_not_wait_for_each_other) {
  ThreadPool pool(3);
  std::atomic<bool> first_is_in{false}, second_is_done{false};
  std::thread first([&] {
    pool.parallel_for(3, [&](size_t, int) {
      first_is_in.store(true);
      while (!second_is_done.load()) std::this_thread::yield();
    });
  });
  while (!first_is_in.load()) std::this_thread::yield();
  int runs = 0, numbers = 0;
  pool.parallel_for(10, [&](size_t, int thread) {
    ++runs;
    numbers += thread;
  });
  second_is_done.store(true);
  first.join();
  EXPECT_EQ(runs, 10);
  EXPECT_EQ(numbers, 0);
}

TEST(thread_pool_many_callers) {
  ThreadPool pool(3);
  std::atomic<uint64_t> sum{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&] {
      for (int job = 0; job < 2000; ++job) pool.parallel_for(5, [&](size_t index, int) { sum.fetch_add(index); });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), uint64_t{3 * 2000 * 10});
}

TEST(thread_pool_lives_and_dies_quickly) {
  for (int round = 0; round < 100; ++round) {
    ThreadPool pool(1 + round % 4);
    std::atomic<int> runs{0};
    if (round % 3 != 0) pool.parallel_for(8, [&](size_t, int) { runs.fetch_add(1); });
    EXPECT_EQ(runs.load(), round % 3 != 0 ? 8 : 0);
  }
}

TEST(thread_pool_idle_threads_sleep) {
  ThreadPool pool(4);
  pool.parallel_for(8, [](size_t, int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::clock_t before = std::clock();  // processor time of all threads
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const double used = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_TRUE(used < 0.15);  // one spinning thread alone would take 0.3 s
}

}  // namespace
}  // namespace tidemerge
