#include "runtime/buffer_pool.h"

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "runtime/expect_code.h"

namespace tidemerge {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeeps = false;  // the pool frees at once, so that use after free is seen
#else
constexpr bool kKeeps = true;
#endif

TEST(buffer_pool_alignment_and_capacity) {
  BufferPool pool;
  for (size_t bytes = 0; bytes < 5000; bytes += 7) {
    TRACE("%zu bytes", bytes);
    const Buffer buffer = pool.allocate(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, uintptr_t{0});
    EXPECT_EQ(buffer.capacity() % 64, size_t{0});
    EXPECT_TRUE(buffer.capacity() >= bytes);
    // One eighth, and never less than a cache line.
    EXPECT_TRUE(buffer.capacity() <= bytes + bytes / 8 + 64);
    std::memset(buffer.data(), 1, buffer.capacity());
  }
  for (size_t bytes = size_t{1} << 13; bytes < size_t{1} << 24; bytes = bytes * 17 / 13 + 1) {
    TRACE("%zu bytes", bytes);
    const Buffer buffer = pool.allocate(bytes);
    EXPECT_TRUE(buffer.capacity() >= bytes && buffer.capacity() <= bytes + bytes / 8 + 64);
  }
}

TEST(buffer_pool_reuses_what_was_freed) {
  BufferPool pool;
  for (int round = 0; round < 100; ++round) {
    const Buffer a = pool.allocate(1000);
    const Buffer b = pool.allocate(1000);
    const Buffer c = pool.allocate(100000);
    EXPECT_TRUE(a.data() != b.data());
  }
  EXPECT_EQ(pool.statistics().system_calls, size_t{kKeeps ? 3 : 300});
  EXPECT_EQ(pool.statistics().in_use, size_t{0});
}

TEST(buffer_pool_hands_out_what_is_up_to_twice_as_large) {
  BufferPool pool;
  std::byte* data = nullptr;
  {
    const Buffer large = pool.allocate(64000), larger = pool.allocate(80000);
    data = large.data();
  }
  for (size_t bytes : {size_t{64000}, size_t{50000}, size_t{32768}}) {
    TRACE("%zu bytes", bytes);
    const Buffer buffer = pool.allocate(bytes);
    if (kKeeps) EXPECT_TRUE(buffer.data() == data);  // the smallest that fits
    EXPECT_EQ(buffer.capacity(), kKeeps ? size_t{65536} : BufferPool().allocate(bytes).capacity());
    EXPECT_EQ(pool.statistics().in_use, buffer.capacity());
    std::memset(buffer.data(), 1, buffer.capacity());
  }
  EXPECT_EQ(pool.allocate(28000).capacity(), size_t{28672});
  EXPECT_EQ(pool.statistics().system_calls, size_t{kKeeps ? 3 : 6});
  EXPECT_EQ(pool.statistics().kept, size_t{kKeeps ? 65536 + 81920 + 28672 : 0});
}

TEST(buffer_pool_under_a_limit_gives_no_more_than_asked) {
  BufferPool pool(100000);
  { const Buffer large = pool.allocate(65536); }
  const Buffer half = pool.allocate(32768);
  EXPECT_EQ(half.capacity(), size_t{32768});
  EXPECT_TRUE(static_cast<bool>(pool.allocate(65536)));
}

TEST(buffer_pool_neighbouring_sizes_share_a_class_only_when_both_fit) {
  BufferPool pool;
  size_t previous = 0;
  for (size_t bytes = 1; bytes < 20000; ++bytes) {
    const size_t capacity = pool.allocate(bytes).capacity();
    if (capacity < previous || capacity < bytes) EXPECT_EQ(capacity, previous);  // never falls
    previous = capacity;
  }
  EXPECT_TRUE(previous >= 19999);
}

TEST(buffer_pool_keeps_no_more_than_asked) {
  BufferPool pool(BufferPool::kNoLimit, 4096);
  { const Buffer a = pool.allocate(4096), b = pool.allocate(4096); }
  EXPECT_EQ(pool.statistics().kept, size_t{kKeeps ? 4096 : 0});
  { const Buffer huge = pool.allocate(8192); }
  EXPECT_EQ(pool.statistics().kept, size_t{kKeeps ? 4096 : 0});
  pool.trim();
  EXPECT_EQ(pool.statistics().kept, size_t{0});
}

TEST(buffer_pool_limit) {
  BufferPool pool(10000);
  {
    const Buffer a = pool.allocate_exact(6000);
    EXPECT_CODE(pool.allocate(5000), "ERR_OUT_OF_MEMORY");
    EXPECT_CODE(pool.allocate_exact(~size_t{0} - 5), "ERR_OUT_OF_MEMORY");
    EXPECT_CODE(pool.allocate(~size_t{0} - 5), "ERR_OUT_OF_MEMORY");
    const Buffer b = pool.allocate(3000);
    EXPECT_TRUE(static_cast<bool>(b));
  }
  // What was kept goes back to the system when the limit asks for it.
  const Buffer c = pool.allocate(8192);
  EXPECT_TRUE(static_cast<bool>(c));
  EXPECT_EQ(pool.statistics().kept, size_t{0});
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they end the process at such sizes
TEST(buffer_pool_refusal_of_the_system_is_an_error) {
  BufferPool pool;
  EXPECT_CODE(pool.allocate(size_t{1} << 60), "ERR_OUT_OF_MEMORY");
  EXPECT_CODE(pool.allocate_exact(size_t{1} << 60), "ERR_OUT_OF_MEMORY");
  EXPECT_EQ(pool.statistics().in_use, size_t{0});
}
#endif

TEST(buffer_pool_exact_buffers_are_not_kept) {
  BufferPool pool;
  { EXPECT_EQ(pool.allocate_exact(1 << 20).capacity(), size_t{1 << 20}); }
  EXPECT_EQ(pool.statistics().kept, size_t{0});
  EXPECT_EQ(pool.statistics().in_use, size_t{0});
}

TEST(buffer_moves) {
  BufferPool pool;
  Buffer a = pool.allocate(64);
  std::byte* const data = a.data();
  Buffer b = std::move(a);
  EXPECT_TRUE(!a && b.data() == data);
  a = pool.allocate(64);
  a = std::move(b);
  EXPECT_TRUE(!b && a.data() == data);
  a.reset();
  a.reset();
  EXPECT_EQ(pool.statistics().in_use, size_t{0});
}

TEST(buffer_pool_from_many_threads) {
  BufferPool pool;
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, &wrong, t] {
      for (size_t i = 0; i < 2000; ++i) {
        const Buffer buffer = pool.allocate(64 + i % 17 * 64);
        std::memset(buffer.data(), static_cast<int>(t), buffer.capacity());
        for (size_t at : {size_t{0}, buffer.capacity() - 1}) {
          if (static_cast<size_t>(buffer.data()[at]) != t) ++wrong[t];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int count : wrong) EXPECT_EQ(count, 0);
  EXPECT_EQ(pool.statistics().in_use, size_t{0});
}

}  // namespace
}  // namespace tidemerge
