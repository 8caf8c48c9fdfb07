#pragma once

// The test harness.
//
//   TEST(softmax_of_one_column) {
//     for_each_set([](const KernelSet& set) {
//       for (size_t n = 0; n < 40; ++n) {
//         TRACE("n = %zu", n);                      // printed with every failure of this scope
//         EXPECT_EQ(count, n);
//         EXPECT_NEAR(actual, expected, tolerance);  // |actual - expected| <= tolerance; inf equal; NaN with NaN
//         EXPECT_ULP(actual, expected, 2.0);         // float against double, in float spacings at `expected`
//       }
//     });
//   }
//
// tidemerge_tests [filter...] [--set=name...] [--part=i/n] [--list]: runs the tests whose name contains one of the
// filters, or every n-th of them.

#include <string>
#include <vector>

#include "kernels/all_sets.h"
#include "testing/expect.h"
#include "testing/guarded.h"
#include "testing/random.h"

namespace tidemerge::testing {

struct Registration {
  Registration(const char* name, void (*function)());
};

// The sets of this machine that the command line admits, best first.
const std::vector<const KernelSet*>& tested_sets();
void set_current_set(const KernelSet* set);

template <typename Check>
void for_each_set(Check check) {
  for (const KernelSet* set : tested_sets()) {
    set_current_set(set);
    check(*set);
  }
  set_current_set(nullptr);
}

class Trace {
 public:
  explicit Trace(const char* format, ...) __attribute__((format(printf, 2, 3)));
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
};

}  // namespace tidemerge::testing

#define TIDEMERGE_JOIN_OF(a, b) a##b
#define TIDEMERGE_JOIN(a, b) TIDEMERGE_JOIN_OF(a, b)

#define TEST(name)                                                                            \
  static void test_##name();                                                                  \
  static const ::tidemerge::testing::Registration registration_of_##name(#name, test_##name); \
  static void test_##name()

#define TRACE(...) const ::tidemerge::testing::Trace TIDEMERGE_JOIN(trace_, __LINE__)(__VA_ARGS__)
