#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "testing/bench.h"
#include "testing/peak.h"
#include "testing/test_kernels.h"

namespace tidemerge::testing {
namespace {

using Clock = std::chrono::steady_clock;

struct Bench {
  const char* name;
  void (*function)(BenchSuite&);
};

std::vector<Bench>& registered_benches() {
  static std::vector<Bench> benches;
  return benches;
}

std::vector<const KernelSet*> sets;
int rounds = 15;
constexpr double kSampleSeconds = 2e-3;  // long against the clock, short against a scheduler's slice

double seconds_of(const std::function<void()>& body, size_t calls) {
  const Clock::time_point start = Clock::now();
  for (size_t i = 0; i < calls; ++i) body();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const char* peak_label(Peak peak) {
  switch (peak) {
    case Peak::kF32: return "(peak f32)";
    case Peak::kBf16: return "(peak bf16)";
    case Peak::kInt8: return "(peak int8)";
    case Peak::kNone: break;
  }
  return "";
}

size_t (*peak_function(const KernelSet& set, Peak peak))(size_t, float*) {
  const PeakKernels& kernels = *test_kernels(set).peak;
  switch (peak) {
    case Peak::kF32: return kernels.f32;
    case Peak::kBf16: return kernels.bf16;
    case Peak::kInt8: return kernels.int8;
    case Peak::kNone: break;
  }
  return nullptr;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

double BenchSuite::Case::best() const { return *std::min_element(samples.begin(), samples.end()); }

BenchSuite::~BenchSuite() {
  if (!cases_.empty()) std::printf("%s: cases were added but run() was not called\n", name_.c_str());
}

void BenchSuite::add(const KernelSet* set, std::string label, Work work, std::function<void()> body) {
  if (set != nullptr && work.peak != Peak::kNone && peak_function(*set, work.peak) == nullptr) work.peak = Peak::kNone;
  const bool has_peak = std::any_of(cases_.begin(), cases_.end(), [&](const Case& other) {
    return other.is_peak && other.set == set && other.work.peak == work.peak;
  });
  if (set != nullptr && work.peak != Peak::kNone && !has_peak) {
    constexpr size_t kPeakRounds = 1000;
    const auto function = peak_function(*set, work.peak);
    float sink = 0.0f;
    const double operations = static_cast<double>(function(1, &sink)) * kPeakRounds;
    const auto body = [function] {
      float result = 0.0f;
      function(kPeakRounds, &result);
      keep(result);
    };
    cases_.push_back({set, peak_label(work.peak), {.flops = operations, .peak = work.peak}, body, true});
  }
  cases_.push_back({set, std::move(label), work, std::move(body), false});
}

void BenchSuite::run() {
  for (Case& entry : cases_) {
    double seconds = seconds_of(entry.body, 1);  // also warms caches and page tables
    while ((seconds = seconds_of(entry.body, entry.calls)) < kSampleSeconds / 2) entry.calls *= 2;
    entry.calls = std::max<size_t>(1, static_cast<size_t>(static_cast<double>(entry.calls) * kSampleSeconds / seconds));
  }
  for (int round = 0; round < rounds; ++round) {
    for (Case& entry : cases_) {
      entry.samples.push_back(seconds_of(entry.body, entry.calls) / static_cast<double>(entry.calls));
    }
  }

  std::printf("%s\n", name_.c_str());
  for (const Case& entry : cases_) {
    const double best = entry.best();
    std::printf("  %-12s %-36s median %11.3f us  best %11.3f us", entry.set != nullptr ? entry.set->name : "",
                entry.label.c_str(), median(entry.samples) * 1e6, best * 1e6);
    if (entry.work.flops > 0) std::printf("  %8.1f GFLOP/s", entry.work.flops / best * 1e-9);
    if (entry.work.bytes > 0) std::printf("  %7.1f GB/s", entry.work.bytes / best * 1e-9);
    if (entry.work.items > 0) std::printf("  %8.3f G/s", entry.work.items / best * 1e-9);
    for (const Case& other : cases_) {
      const bool compares =
          other.is_peak && !entry.is_peak && other.set == entry.set && other.work.peak == entry.work.peak;
      if (!compares) continue;
      const double peak = other.work.flops / other.best();
      std::printf("  %5.1f %% of peak", 100.0 * entry.work.flops / best / peak);
    }
    std::printf("\n");
  }
  std::fflush(stdout);
  cases_.clear();
}

const std::vector<const KernelSet*>& benched_sets() { return sets; }

BenchRegistration::BenchRegistration(const char* name, void (*function)(BenchSuite&)) {
  registered_benches().push_back({name, function});
}

}  // namespace tidemerge::testing

int main(int argc, char** argv) {
  using namespace tidemerge;
  using namespace tidemerge::testing;
  std::vector<const char*> filters;
  const char* only_set = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--set=", 6) == 0) {
      only_set = argv[i] + 6;
    } else if (std::strncmp(argv[i], "--rounds=", 9) == 0) {
      rounds = std::max(1, std::atoi(argv[i] + 9));
    } else {
      filters.push_back(argv[i]);
    }
  }
  for (const KernelSet* set : all_kernel_sets()) {
    if (runnable_kernel_set(set->name) == nullptr) continue;
    if (only_set == nullptr || std::strcmp(only_set, set->name) == 0) sets.push_back(set);
  }
  if (sets.empty()) {
    std::printf("no instruction set to measure\n");
    return 2;
  }
  for (const Bench& bench : registered_benches()) {
    const bool wanted = filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const char* filter) {
                          return std::strstr(bench.name, filter) != nullptr;
                        });
    if (!wanted) continue;
    BenchSuite suite(bench.name);
    bench.function(suite);
  }
  return 0;
}
