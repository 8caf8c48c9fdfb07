#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tidemerge::testing {

// Counter-based: the i-th number depends on (seed, i) only. splitmix64's mixing function over the counter.
class Random {
 public:
  explicit Random(uint64_t seed) : key_(mix(seed + 0x9e3779b97f4a7c15ull)) {}

  uint64_t bits(uint64_t index) const { return mix(key_ + index * 0x9e3779b97f4a7c15ull); }
  uint64_t next_bits() { return bits(counter_++); }

  // Below `limit`; the bias of the modulo does not matter for tests.
  size_t below(size_t limit) { return static_cast<size_t>(next_bits() % limit); }
  double uniform() { return static_cast<double>(next_bits() >> 11) * 0x1p-53; }  // [0, 1)
  float uniform(float low, float high) { return static_cast<float>(low + uniform() * (high - low)); }
  float normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return static_cast<float>(radius * std::cos(6.283185307179586 * uniform()));
  }

  void fill_uniform(float* out, size_t n, float low = -1.0f, float high = 1.0f) {
    for (size_t i = 0; i < n; ++i) out[i] = uniform(low, high);
  }
  void fill_normal(float* out, size_t n, float scale = 1.0f) {
    for (size_t i = 0; i < n; ++i) out[i] = normal() * scale;
  }

 private:
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
  }

  uint64_t key_;
  uint64_t counter_ = 0;
};

}  // namespace tidemerge::testing
