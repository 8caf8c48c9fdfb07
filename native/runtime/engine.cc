#include "runtime/engine.h"

#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "runtime/error.h"

namespace tidemerge {

namespace {

struct Registry {
  using Key = std::tuple<const KernelSet*, int, size_t>;
  std::mutex mutex;
  std::map<Key, std::weak_ptr<Engine>> engines;
};

// Never destroyed: threads of the host process may still end while static objects are torn down.
Registry& registry() {
  static Registry* const registry = new Registry;
  return *registry;
}

int checked_threads(int threads) {
  if (threads >= 1 && threads <= kMaxThreads) return threads;
  throw Error(error_code::kInvalidArgument,
              "context: threads: expected 1 to " + std::to_string(kMaxThreads) + ", got " + std::to_string(threads));
}

}  // namespace

Engine::Engine(const EngineOptions& options)
    : options_(options),
      buffers_(options.memory_limit),
      threads_(checked_threads(options.threads)),
      context_{*options.kernels, threads_, buffers_},
      courier_("tidemerge-copy"),
      driver_("tidemerge-run") {}

std::shared_ptr<Engine> Engine::shared(const EngineOptions& options) {
  Registry& all = registry();
  std::lock_guard<std::mutex> lock(all.mutex);
  for (auto entry = all.engines.begin(); entry != all.engines.end();) {
    entry = entry->second.expired() ? all.engines.erase(entry) : std::next(entry);
  }
  std::weak_ptr<Engine>& known = all.engines[{options.kernels, options.threads, options.memory_limit}];
  std::shared_ptr<Engine> engine = known.lock();
  if (!engine) {
    engine = std::make_shared<Engine>(options);
    known = engine;
  }
  return engine;
}

}  // namespace tidemerge
