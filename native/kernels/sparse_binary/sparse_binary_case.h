#pragma once

// A random matrix for tests and benchmarks, in both layouts.

#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/sparse_binary/sparse_binary.h"
#include "testing/random.h"

namespace tidemerge::testing {

struct SparseBinaryCase {
  SparseBinaryCase(const SparseBinaryKernels& kernels, size_t n, size_t k, double keep_ratio, float alpha,
                   uint64_t seed, double negative_ratio = 0.5) {
    Random random(seed);
    starts.push_back(0);
    for (size_t output = 0; output < n; ++output) {
      std::vector<uint16_t> minus;
      for (size_t input = 0; input < k; ++input) {
        if (random.uniform() >= keep_ratio) continue;
        (random.uniform() < negative_ratio ? minus : inputs).push_back(static_cast<uint16_t>(input));
      }
      starts.push_back(static_cast<uint32_t>(inputs.size()));
      inputs.insert(inputs.end(), minus.begin(), minus.end());
      starts.push_back(static_cast<uint32_t>(inputs.size()));
    }
    weights = {n, k, alpha, starts.data(), inputs.data(), nullptr};
    packed = AlignedBuffer<char>(kernels.packed_bytes(weights));
    kernels.pack(weights, packed.data());
    weights.packed = packed.data();
  }

  std::vector<uint32_t> starts;
  std::vector<uint16_t> inputs;
  AlignedBuffer<char> packed;
  SparseBinaryWeights weights;
};

}  // namespace tidemerge::testing
