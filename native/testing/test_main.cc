#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
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

bool is_one_of(const char* name, const std::vector<const char*>& names) {
  for (const char* other : names) {
    if (std::strcmp(name, other) == 0) return true;
  }
  return false;
}

// The command line: [filter...] [--set=name...] [--part=i/n] [--list].
struct Arguments {
  std::vector<const char*> filters;
  std::vector<const char*> sets;  // none: all this processor has
  size_t part = 1, parts = 1;
  bool list = false;
  bool valid = true;
};

Arguments parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--set=", 6) == 0) {
      out.sets.push_back(argv[i] + 6);
    } else if (std::strncmp(argv[i], "--part=", 7) == 0) {
      out.valid =
          std::sscanf(argv[i] + 7, "%zu/%zu", &out.part, &out.parts) == 2 && out.part >= 1 && out.part <= out.parts;
    } else if (std::strcmp(argv[i], "--list") == 0) {
      out.list = true;
    } else {
      out.filters.push_back(argv[i]);
    }
  }
  return out;
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

}  // namespace tidemerge::testing

int main(int argc, char** argv) {
  using namespace tidemerge;
  using namespace tidemerge::testing;
  const Arguments arguments = parse(argc, argv);
  if (!arguments.valid) {
    std::printf("expected --part=i/n with 1 <= i <= n\n");
    return 2;
  }

  // A set that was asked for and cannot run must not pass for tested.
  for (const char* name : arguments.sets) {
    if (runnable_kernel_set(name) == nullptr) {
      std::printf("no instruction set of this machine: %s\n", name);
      return 2;
    }
  }
  std::string names;
  for (const KernelSet* set : all_kernel_sets()) {
    if (runnable_kernel_set(set->name) == nullptr) continue;
    if (!arguments.sets.empty() && !is_one_of(set->name, arguments.sets)) continue;
    sets.push_back(set);
    names += std::string(names.empty() ? "" : ", ") + set->name;
  }
  if (sets.empty()) {
    std::printf("no instruction set to test\n");
    return 2;
  }
  std::printf("instruction sets: %s\n", names.c_str());

  size_t passed = 0;
  size_t failed = 0;
  size_t matching = 0;
  for (const Test& test : registered_tests()) {
    if (!matches(test.name, arguments.filters)) continue;
    if (matching++ % arguments.parts != arguments.part - 1) continue;
    if (arguments.list) {
      std::printf("%s\n", test.name);
    } else {
      ++(run(test) ? passed : failed);
    }
  }
  if (arguments.list) return 0;
  std::printf("%zu passed, %zu failed (%zu expectations)\n", passed, failed, expectations);
  // Nothing run is not success: a misspelt filter would hide behind it.
  return failed == 0 && passed > 0 ? 0 : 1;
}
