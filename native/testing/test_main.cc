#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <string>
#include <vector>

#include "testing/test.h"

namespace tidemerge::testing {
namespace {

struct Test {
  const char* name;
  void (*function)();
};

// A function-local object: registrations run before main in no particular order between files.
std::vector<Test>& registered_tests() {
  static std::vector<Test> tests;
  return tests;
}

std::vector<const KernelSet*> sets;
const KernelSet* current_set = nullptr;
std::vector<std::string> traces;
size_t expectations = 0;
size_t failures_of_test = 0;
constexpr size_t kPrintedFailures = 12;  // a broken kernel fails at every element; the first few say it all

bool run(const Test& test) {
  failures_of_test = 0;
  const size_t expectations_before = expectations;
  try {
    test.function();
  } catch (const std::exception& error) {
    report_failure(test.name, 0, std::string("unexpected exception: ") + error.what());
  }
  current_set = nullptr;
  traces.clear();
  // A check that checks nothing is a mistake in the test, for example a filter that empties its loop.
  if (expectations == expectations_before) report_failure(test.name, 0, "the test has no expectation");
  if (failures_of_test > kPrintedFailures) {
    std::printf("%s: %zu more failures not printed\n", test.name, failures_of_test - kPrintedFailures);
  }
  std::printf("%s %s\n", failures_of_test == 0 ? "pass" : "FAIL", test.name);
  std::fflush(stdout);
  return failures_of_test == 0;
}

bool matches(const char* name, const std::vector<const char*>& filters) {
  if (filters.empty()) return true;
  for (const char* filter : filters) {
    if (std::strstr(name, filter) != nullptr) return true;
  }
  return false;
}

}  // namespace

Registration::Registration(const char* name, void (*function)()) { registered_tests().push_back({name, function}); }

void count_expectation() { ++expectations; }

void report_failure(const char* file, int line, const std::string& message) {
  if (++failures_of_test > kPrintedFailures) return;
  std::string where;
  if (current_set != nullptr) where += std::string(" [") + current_set->name + "]";
  for (const std::string& trace : traces) where += " [" + trace + "]";
  std::printf("%s:%d:%s %s\n", file, line, where.c_str(), message.c_str());
}

const std::vector<const KernelSet*>& tested_sets() { return sets; }
void set_current_set(const KernelSet* set) { current_set = set; }

Trace::Trace(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  traces.emplace_back(text);
}
Trace::~Trace() {
  if (!traces.empty()) traces.pop_back();
}

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

}  // namespace tidemerge::testing

int main(int argc, char** argv) {
  using namespace tidemerge;
  using namespace tidemerge::testing;
  std::vector<const char*> filters;
  const char* only_set = nullptr;
  bool list = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--set=", 6) == 0) {
      only_set = argv[i] + 6;
    } else if (std::strcmp(argv[i], "--list") == 0) {
      list = true;
    } else {
      filters.push_back(argv[i]);
    }
  }

  std::string names;
  for (const KernelSet* set : all_kernel_sets()) {
    if (runnable_kernel_set(set->name) == nullptr) continue;
    if (only_set != nullptr && std::strcmp(only_set, set->name) != 0) continue;
    sets.push_back(set);
    names += std::string(names.empty() ? "" : ", ") + set->name;
  }
  if (sets.empty()) {
    std::printf("no instruction set to test%s%s\n", only_set != nullptr ? ": " : "",
                only_set != nullptr ? only_set : "");
    return 2;
  }
  std::printf("instruction sets: %s\n", names.c_str());

  size_t passed = 0;
  size_t failed = 0;
  for (const Test& test : registered_tests()) {
    if (!matches(test.name, filters)) continue;
    if (list) {
      std::printf("%s\n", test.name);
    } else {
      ++(run(test) ? passed : failed);
    }
  }
  if (list) return 0;
  std::printf("%zu passed, %zu failed (%zu expectations)\n", passed, failed, expectations);
  // Nothing run is not success: a misspelt filter would hide behind it.
  return failed == 0 && passed > 0 ? 0 : 1;
}
