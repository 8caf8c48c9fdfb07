#pragma once

// What computes: the kernels of one instruction set, a thread pool, memory, and the thread that drives runs.

#include <memory>

#include "runtime/context.h"
#include "runtime/serial_thread.h"

namespace tidemerge {

struct EngineOptions {
  const KernelSet* kernels = nullptr;
  int threads = 1;
  size_t memory_limit = BufferPool::kNoLimit;
};

constexpr int kMaxThreads = 1024;

class Engine {
 public:
  // Throws ERR_INVALID_ARGUMENT for a thread count outside [1, kMaxThreads].
  explicit Engine(const EngineOptions& options);

  // The engine of these options: one per process, whoever asks, as long as somebody holds it. The last one to let
  // go waits for its threads, so that must not happen on one of them.
  static std::shared_ptr<Engine> shared(const EngineOptions& options);

  const Context& context() const { return context_; }
  const EngineOptions& options() const { return options_; }

  // Runs are driven here, one after the other.
  SerialThread& driver() { return driver_; }
  // Large results are copied out here, beside the next run.
  SerialThread& courier() { return courier_; }

 private:
  EngineOptions options_;
  BufferPool buffers_;
  ThreadPool threads_;
  Context context_;
  SerialThread courier_;
  SerialThread driver_;
};

}  // namespace tidemerge
