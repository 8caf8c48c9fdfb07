#pragma once

// The benchmark harness.
//
//   BENCH(softmax) {
//     std::vector<float> x(rows * cols);
//     for_each_set([&](const KernelSet& set) {
//       suite.add(&set, "500x500", {.items = rows * cols}, [&, kernels = set.softmax] { kernels->softmax_f32(...); });
//     });
//     suite.run();
//   }
//
// run() measures all cases of the suite in turn, round after round, so that a slower minute of the machine hits all of
// them, and prints the median and the best time of a call. A case with `peak` is also compared with arithmetic on
// registers only, measured on the same set in the same rounds; the share is best against best.
//
// tidemerge_bench [filter...] [--set=name] [--rounds=n]

#include <functional>
#include <string>
#include <vector>

#include "kernels/all_sets.h"
#include "testing/random.h"

namespace tidemerge::testing {

enum class Peak { kNone, kF32, kBf16, kInt8 };

// Of one call of the body; what is 0 is not printed.
struct Work {
  double flops = 0;  // a multiply-add is two
  double bytes = 0;  // that have to be read and written
  double items = 0;  // elements
  Peak peak = Peak::kNone;
};

class BenchSuite {
 public:
  explicit BenchSuite(const char* name) : name_(name) {}
  ~BenchSuite();

  // `set` may be null for something that is no kernel. `body` may refer to anything that lives until run().
  void add(const KernelSet* set, std::string label, Work work, std::function<void()> body);
  void run();

 private:
  struct Case {
    const KernelSet* set;
    std::string label;
    Work work;
    std::function<void()> body;
    bool is_peak;
    size_t calls = 1;
    std::vector<double> samples = {};  // seconds of one call

    double best() const;
  };
  std::string name_;
  std::vector<Case> cases_;
};

const std::vector<const KernelSet*>& benched_sets();

template <typename Function>
void for_each_set(Function function) {
  for (const KernelSet* set : benched_sets()) function(*set);
}

struct BenchRegistration {
  BenchRegistration(const char* name, void (*function)(BenchSuite&));
};

// Keeps the compiler from dropping work whose result nobody reads.
template <typename T>
inline void keep(const T& value) {
  __asm__ volatile("" : : "g"(&value) : "memory");
}

}  // namespace tidemerge::testing

#define BENCH(name)                                                                                 \
  static void bench_##name(::tidemerge::testing::BenchSuite& suite);                                \
  static const ::tidemerge::testing::BenchRegistration registration_of_##name(#name, bench_##name); \
  static void bench_##name(::tidemerge::testing::BenchSuite& suite)
