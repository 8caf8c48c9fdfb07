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
// tidemerge_tests [filter...] [--set=name] [--list]: runs the tests whose name contains one of the filters.

#include <cstdarg>
#include <cstdint>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/all_sets.h"
#include "testing/guarded.h"
#include "testing/random.h"

namespace tidemerge::testing {

struct Registration {
  Registration(const char* name, void (*function)());
};

// Counts a failed expectation of the running test and prints it, with the set and the traces in force.
void report_failure(const char* file, int line, const std::string& message);
void count_expectation();

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

// |actual - expected| in units of the spacing of floats at `expected`; 2^-149 for results in the denormal range. NaN
// with NaN is 0, NaN with a number infinite. An infinite actual counts as 2^128, the value it stands in for.
double ulp_distance(float actual, double expected);

template <typename T>
std::string text_of(const T& value) {
  std::ostringstream out;
  if constexpr (std::is_floating_point<T>::value) out.precision(std::is_same<T, float>::value ? 9 : 17);
  if constexpr (std::is_enum<T>::value) {
    out << static_cast<int64_t>(value);
  } else if constexpr (std::is_same<T, uint8_t>::value || std::is_same<T, int8_t>::value) {
    out << static_cast<int>(value);
  } else {
    out << value;
  }
  return out.str();
}

bool is_near(double actual, double expected, double tolerance);

}  // namespace tidemerge::testing

#define TIDEMERGE_JOIN_OF(a, b) a##b
#define TIDEMERGE_JOIN(a, b) TIDEMERGE_JOIN_OF(a, b)

#define TEST(name)                                                                            \
  static void test_##name();                                                                  \
  static const ::tidemerge::testing::Registration registration_of_##name(#name, test_##name); \
  static void test_##name()

#define TRACE(...) const ::tidemerge::testing::Trace TIDEMERGE_JOIN(trace_, __LINE__)(__VA_ARGS__)

#define EXPECT_TRUE(condition)                                                                          \
  do {                                                                                                  \
    ::tidemerge::testing::count_expectation();                                                          \
    if (!(condition)) ::tidemerge::testing::report_failure(__FILE__, __LINE__, "expected " #condition); \
  } while (false)

#define EXPECT_EQ(actual, expected)                                                                                \
  do {                                                                                                             \
    ::tidemerge::testing::count_expectation();                                                                     \
    const auto& actual_value = (actual);                                                                           \
    const auto& expected_value = (expected);                                                                       \
    if (!(actual_value == expected_value)) {                                                                       \
      ::tidemerge::testing::report_failure(__FILE__, __LINE__,                                                     \
                                           #actual ": expected " + ::tidemerge::testing::text_of(expected_value) + \
                                               ", got " + ::tidemerge::testing::text_of(actual_value));            \
    }                                                                                                              \
  } while (false)

#define EXPECT_NEAR(actual, expected, tolerance)                                                                   \
  do {                                                                                                             \
    ::tidemerge::testing::count_expectation();                                                                     \
    const double actual_value = (actual);                                                                          \
    const double expected_value = (expected);                                                                      \
    const double tolerance_value = (tolerance);                                                                    \
    if (!::tidemerge::testing::is_near(actual_value, expected_value, tolerance_value)) {                           \
      ::tidemerge::testing::report_failure(__FILE__, __LINE__,                                                     \
                                           #actual ": expected " + ::tidemerge::testing::text_of(expected_value) + \
                                               " within " + ::tidemerge::testing::text_of(tolerance_value) +       \
                                               ", got " + ::tidemerge::testing::text_of(actual_value));            \
    }                                                                                                              \
  } while (false)

#define EXPECT_ULP(actual, expected, ulps)                                                                             \
  do {                                                                                                                 \
    ::tidemerge::testing::count_expectation();                                                                         \
    const float actual_value = (actual);                                                                               \
    const double expected_value = (expected);                                                                          \
    const double distance = ::tidemerge::testing::ulp_distance(actual_value, expected_value);                          \
    if (!(distance <= (ulps))) {                                                                                       \
      ::tidemerge::testing::report_failure(__FILE__, __LINE__,                                                         \
                                           #actual ": expected " + ::tidemerge::testing::text_of(expected_value) +     \
                                               " within " + ::tidemerge::testing::text_of(static_cast<double>(ulps)) + \
                                               " ulp, got " + ::tidemerge::testing::text_of(actual_value) + " (" +     \
                                               ::tidemerge::testing::text_of(distance) + " ulp)");                     \
    }                                                                                                                  \
  } while (false)
