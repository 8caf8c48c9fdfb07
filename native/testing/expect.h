#pragma once

// The expectations of test.h. Tests expand thousands of them and every build compiles them again, so each expansion is
// one call: what it takes to print a failure is compiled once.

#include <cstdint>
#include <string>
#include <type_traits>

namespace tidemerge::testing {

// Counts a failed expectation of the running test and prints it, with the set and the traces in force.
void report_failure(const char* file, int line, const std::string& message);
void count_expectation();

// |actual - expected| in units of the spacing of floats at `expected`; 2^-149 for results in the denormal range. NaN
// with NaN is 0, NaN with a number infinite. An infinite actual counts as 2^128, the value it stands in for.
double ulp_distance(float actual, double expected);
bool is_near(double actual, double expected, double tolerance);

std::string text_of_number(double value, int digits);
std::string text_of_pointer(const void* value);

template <typename T>
std::string text_of(const T& value) {
  if constexpr (std::is_floating_point<T>::value) {
    return text_of_number(static_cast<double>(value), std::is_same<T, float>::value ? 9 : 17);
  } else if constexpr (std::is_enum<T>::value) {
    return std::to_string(static_cast<int64_t>(value));
  } else if constexpr (std::is_integral<T>::value) {
    return std::to_string(value);
  } else if constexpr (std::is_convertible<const T&, std::string>::value) {
    return value;
  } else {
    return text_of_pointer(value);
  }
}

struct Place {
  const char* file;
  int line;
  const char* expression;
};

void expect_true(Place place, bool condition);
void expect_near(Place place, double actual, double expected, double tolerance);
void expect_ulp(Place place, float actual, double expected, double ulps);
void report_unequal(Place place, const std::string& actual, const std::string& expected);

template <typename Actual, typename Expected>
[[gnu::noinline]] void expect_equal(Place place, const Actual& actual, const Expected& expected) {
  count_expectation();
  if (!(actual == expected)) report_unequal(place, text_of(actual), text_of(expected));
}

}  // namespace tidemerge::testing

#define TIDEMERGE_HERE(expression) \
  ::tidemerge::testing::Place { __FILE__, __LINE__, #expression }

#define EXPECT_TRUE(condition) \
  ::tidemerge::testing::expect_true(TIDEMERGE_HERE(condition), static_cast<bool>(condition))
#define EXPECT_EQ(actual, expected) ::tidemerge::testing::expect_equal(TIDEMERGE_HERE(actual), actual, expected)
#define EXPECT_NEAR(actual, expected, tolerance) \
  ::tidemerge::testing::expect_near(TIDEMERGE_HERE(actual), actual, expected, tolerance)
#define EXPECT_ULP(actual, expected, ulps) \
  ::tidemerge::testing::expect_ulp(TIDEMERGE_HERE(actual), actual, expected, ulps)
