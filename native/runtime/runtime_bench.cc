// What the runtime itself costs: a fork and join of threads, a buffer. items are fork-joins or buffers.

#include <memory>
#include <vector>

#include "runtime/buffer_pool.h"
#include "runtime/thread_pool.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

// Some nanoseconds of work that the compiler cannot drop.
void work(size_t steps) {
  for (size_t i = 0; i < steps; ++i) testing::keep(i);
}

BENCH(thread_pool) {
  std::vector<std::unique_ptr<ThreadPool>> pools;
  for (int threads : {1, 2}) {
    pools.push_back(std::make_unique<ThreadPool>(threads));
    for (size_t steps : {0, 20000}) {  // nothing, and about ten microseconds an index
      suite.add(nullptr, std::to_string(threads) + " threads, 2 x " + std::to_string(steps) + " steps", {.items = 1},
                [pool = pools.back().get(), steps] { pool->parallel_for(2, [steps](size_t, int) { work(steps); }); });
    }
  }
  suite.run();
}

BENCH(buffer_pool) {
  BufferPool pool;
  const Buffer held = pool.allocate(4096);
  suite.add(nullptr, "allocate and free 4 KiB", {.items = 1}, [&] { testing::keep(pool.allocate(4096).data()); });
  suite.run();
}

}  // namespace
}  // namespace tidemerge
