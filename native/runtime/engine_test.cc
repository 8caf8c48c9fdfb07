#include "runtime/engine.h"

#include "runtime/expect_code.h"

namespace tidemerge {
namespace {

EngineOptions options(int threads, size_t limit = BufferPool::kNoLimit) {
  return {testing::tested_sets().front(), threads, limit};
}

TEST(engine_is_shared_by_equal_options) {
  const auto a = Engine::shared(options(2));
  EXPECT_TRUE(a == Engine::shared(options(2)));
  EXPECT_TRUE(a != Engine::shared(options(1)));
  EXPECT_TRUE(a != Engine::shared(options(2, 1 << 20)));
  EXPECT_EQ(a->context().threads.threads(), 2);
  EXPECT_TRUE(&a->context().kernels == testing::tested_sets().front());
}

TEST(engine_is_made_anew_after_the_last_user) {
  std::weak_ptr<Engine> first = Engine::shared(options(3));
  EXPECT_TRUE(first.expired());
  EXPECT_TRUE(Engine::shared(options(3)) != nullptr);
}

TEST(engine_thread_count_is_checked) {
  EXPECT_CODE(Engine::shared(options(0)), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(Engine::shared(options(-4)), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(Engine::shared(options(kMaxThreads + 1)), "ERR_INVALID_ARGUMENT");
}

}  // namespace
}  // namespace tidemerge
