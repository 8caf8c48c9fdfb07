#pragma once

// What an operator needs from its surroundings. Passed, never global. The three parts outlive it.

#include "kernels/kernel_set.h"
#include "runtime/buffer_pool.h"
#include "runtime/thread_pool.h"

namespace tidemerge {

struct Context {
  const KernelSet& kernels;
  ThreadPool& threads;
  BufferPool& buffers;
};

}  // namespace tidemerge
