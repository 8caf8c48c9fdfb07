#include "testing/expect.h"

#include <cmath>
#include <cstdio>
#include <limits>

namespace tidemerge::testing {

double ulp_distance(float actual, double expected) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isnan(actual) || std::isnan(expected)) return std::isnan(actual) && std::isnan(expected) ? 0.0 : kInfinity;
  if (std::isinf(expected)) return static_cast<double>(actual) == expected ? 0.0 : kInfinity;
  // Beyond the floats there is only infinity: both are taken as 2^128 there.
  const auto clamp = [](double x) { return std::fabs(x) < 0x1p128 ? x : std::copysign(0x1p128, x); };
  const double value = clamp(actual);
  expected = clamp(expected);
  int exponent = -149;
  if (expected != 0.0) exponent = std::ilogb(expected) - 23;
  if (exponent < -149) exponent = -149;
  if (exponent > 104) exponent = 104;  // 2^128 itself
  return std::fabs(value - expected) / std::ldexp(1.0, exponent);
}

bool is_near(double actual, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <= tolerance;
}

std::string text_of_number(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

std::string text_of_pointer(const void* value) {
  char text[24];
  std::snprintf(text, sizeof text, "%p", value);
  return text;
}

void expect_true(Place place, bool condition) {
  count_expectation();
  if (!condition) report_failure(place.file, place.line, std::string("expected ") + place.expression);
}

void expect_near(Place place, double actual, double expected, double tolerance) {
  count_expectation();
  if (is_near(actual, expected, tolerance)) return;
  report_unequal(place, text_of(actual), text_of(expected) + " within " + text_of(tolerance));
}

void expect_ulp(Place place, float actual, double expected, double ulps) {
  count_expectation();
  const double distance = ulp_distance(actual, expected);
  if (distance <= ulps) return;
  report_unequal(place, text_of(actual) + " (" + text_of(distance) + " ulp)",
                 text_of(expected) + " within " + text_of(ulps) + " ulp");
}

void report_unequal(Place place, const std::string& actual, const std::string& expected) {
  report_failure(place.file, place.line, std::string(place.expression) + ": expected " + expected + ", got " + actual);
}

}  // namespace tidemerge::testing
