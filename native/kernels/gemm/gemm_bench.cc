#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/gemm/gemm.h"
#include "testing/bench.h"
#include "testing/peak.h"
#include "testing/test_kernels.h"

namespace tidemerge {
namespace {

using testing::BenchSuite;
using testing::for_each_set;
using testing::Peak;

struct Shape {
  size_t m, n, k;
};

const char* name_of(WeightType type) { return type == WeightType::kF32 ? "f32" : "bf16"; }

// The arithmetic a product runs on: bf16 weights are widened where there is no vdpbf16ps.
Peak peak_of(const KernelSet& set, WeightType type) {
  const bool pairs = type == WeightType::kBf16 && testing::test_kernels(set).peak->bf16 != nullptr;
  return pairs ? Peak::kBf16 : Peak::kF32;
}

// Loads of the width a set has, 128 bytes at a time.
#if defined(__x86_64__)
#define TIDEMERGE_WIDE_LOADS __attribute__((target("avx512f")))
#else
#define TIDEMERGE_WIDE_LOADS
#endif
template <class Lanes>
inline __attribute__((always_inline)) void read_lanes(const char* from, size_t bytes) {
  const Lanes* p = reinterpret_cast<const Lanes*>(from);
  constexpr size_t kStep = 128 / sizeof(Lanes);
  Lanes sum[kStep] = {};
  for (size_t i = 0; i < bytes / sizeof(Lanes); i += kStep) {
#pragma GCC unroll 8
    for (size_t j = 0; j < kStep; ++j) sum[j] |= p[i + j];
  }
#pragma GCC unroll 8
  for (size_t j = 1; j < kStep; ++j) sum[0] |= sum[j];
  testing::keep(sum[0]);
}
typedef int Lanes16 __attribute__((vector_size(16), may_alias));
typedef int Lanes64 __attribute__((vector_size(64), may_alias));
void read_narrow(const char* from, size_t bytes) { read_lanes<Lanes16>(from, bytes); }
TIDEMERGE_WIDE_LOADS void read_wide(const char* from, size_t bytes) { read_lanes<Lanes64>(from, bytes); }

// `copies` products with their own weights, which take turns: enough copies put the weights out of any cache.
class Product {
 public:
  Product(const KernelSet& set, WeightType type, Shape shape, size_t copies = 1,
          Activation activation = Activation::kNone)
      : gemm_(*set.gemm),
        read_(std::strncmp(set.name, "avx512", 6) == 0 ? read_wide : read_narrow),
        type_(type),
        shape_(shape),
        copies_(copies),
        copy_bytes_(gemm_.packed_bytes(type, shape.n, shape.k)),
        a_(shape.m * shape.k),
        c_(shape.m * shape.n),
        packed_(copy_bytes_ * copies),
        scratch_(gemm_.scratch_bytes(type, shape.m, shape.k)) {
    epilogue_.activation = activation;
    testing::Random random(1);
    AlignedBuffer<float> w(shape.n * shape.k);
    for (float& value : w) value = random.uniform(-1.0f, 1.0f);
    for (float& value : a_) value = random.uniform(-1.0f, 1.0f);
    for (size_t i = 0; i < copies; ++i) {
      const auto pack = type == WeightType::kF32 ? gemm_.pack_f32 : gemm_.pack_bf16_from_f32;
      pack(w.data(), shape.k, shape.n, shape.k, packed_.data() + i * copy_bytes_);
    }
  }

  void run() {
    gemm_.run(type_, a_.data(), shape_.k, shape_.m, packed_.data() + next_ * copy_bytes_, shape_.n, shape_.k, 0,
              shape_.n, c_.data(), shape_.n, epilogue_, scratch_.data());
    next_ = (next_ + 1) % copies_;
  }

  // The harness runs each case once a round, with all others in between: some repeats show the rate with the caches its
  // own.
  void repeat() {
    for (int i = 0; i < repeats(); ++i) run();
  }
  int repeats() const { return flops() < 4e8 ? 4 : 1; }

  // Reads the weights of one turn, as fast as loads alone can.
  void read() {
    read_(packed_.data() + next_ * copy_bytes_, copy_bytes_);
    next_ = (next_ + 1) % copies_;
  }

  double flops() const { return 2.0 * static_cast<double>(shape_.m * shape_.n * shape_.k); }
  double weight_bytes() const { return static_cast<double>(copy_bytes_); }
  size_t copies() const { return copies_; }

 private:
  const GemmKernels& gemm_;
  void (*read_)(const char*, size_t);
  WeightType type_;
  Shape shape_;
  size_t copies_, copy_bytes_, next_ = 0;
  AlignedBuffer<float> a_, c_;
  AlignedBuffer<char> packed_, scratch_;
  GemmEpilogue epilogue_;
};

BENCH(gemm_large) {
  const Shape shapes[] = {{512, 512, 512}, {512, 2048, 512}, {512, 512, 2048}, {4096, 512, 512},
                          {33, 512, 512},  {512, 64, 512},   {512, 512, 64},   {512, 768, 3072}};
  for_each_set([&](const KernelSet& set) {
    for (WeightType type : {WeightType::kF32, WeightType::kBf16}) {
      for (const Shape& shape : shapes) {
        const auto product = std::make_shared<Product>(set, type, shape);
        char label[64];
        std::snprintf(label, sizeof label, "%s %zu x %zu x %zu", name_of(type), shape.m, shape.n, shape.k);
        suite.add(&set, label, {.flops = product->repeats() * product->flops(), .peak = peak_of(set, type)},
                  [product] { product->repeat(); });
      }
    }
    suite.run();
  });
}

BENCH(gemm_epilogue) {
  struct Case {
    Activation activation;
    const char* name;
  };
  const Case cases[] = {{Activation::kNone, "none"},
                        {Activation::kRelu, "relu"},
                        {Activation::kGelu, "gelu"},
                        {Activation::kGeluTanh, "gelu_tanh"},
                        {Activation::kSilu, "silu"}};
  for_each_set([&](const KernelSet& set) {
    for (const Case& entry : cases) {
      const auto product = std::make_shared<Product>(set, WeightType::kF32, Shape{64, 2048, 512}, 1, entry.activation);
      suite.add(&set, std::string("64 x 2048 x 512 ") + entry.name,
                {.flops = product->repeats() * product->flops(), .peak = Peak::kF32}, [product] { product->repeat(); });
    }
    suite.run();
  });
}

BENCH(gemm_pack) {
  constexpr size_t n = 2048, k = 512;
  AlignedBuffer<float> w(n * k);
  std::fill(w.begin(), w.end(), 1.0f);
  for_each_set([&](const KernelSet& set) {
    const auto packed = std::make_shared<AlignedBuffer<char>>(set.gemm->packed_bytes(WeightType::kF32, n, k));
    const auto* gemm = set.gemm;
    suite.add(&set, "f32", {.items = n * k}, [&, gemm, packed] { gemm->pack_f32(w.data(), k, n, k, packed->data()); });
    suite.add(&set, "bf16", {.items = n * k}, [&, gemm, packed] {
      gemm->pack_bf16(reinterpret_cast<const uint16_t*>(w.data()), k, n, k, packed->data());
    });
    suite.add(&set, "bf16 from f32", {.items = n * k},
              [&, gemm, packed] { gemm->pack_bf16_from_f32(w.data(), k, n, k, packed->data()); });
  });
  suite.run();
}

// Few rows: the time against the larger of (weight bytes / read bandwidth of the same weights) and (FLOPs / peak). Each
// round measures the three in turn, so that the ratio of a round compares like with like on a busy machine; the rates
// printed are the best of all rounds, the ratio is the median.
double seconds_of(const std::function<void()>& body, size_t calls) {
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < calls; ++i) body();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return taken.count() / static_cast<double>(calls);
}

void compare_with_model(const KernelSet& set, WeightType type, Product& product, const char* label) {
  const PeakKernels& peaks = *testing::test_kernels(set).peak;
  const auto peak = peak_of(set, type) == Peak::kBf16 ? peaks.bf16 : peaks.f32;
  constexpr size_t kPeakRounds = 100000;
  float sink = 0.0f;
  const double peak_flops = static_cast<double>(peak(1, &sink)) * kPeakRounds;
  const double guess = std::max(product.weight_bytes() / 30e9, product.flops() / 100e9);
  const size_t calls = std::max(product.copies(), static_cast<size_t>(1e-3 / guess));
  double best_peak = 1e9, best_read = 1e9, best_run = 1e9;
  std::vector<double> ratios;
  for (int round = 0; round < 25; ++round) {
    const double peak_seconds = seconds_of(
        [&] {
          peak(kPeakRounds, &sink);
          testing::keep(sink);
        },
        1);
    const double read_seconds = seconds_of([&] { product.read(); }, calls);
    const double run_seconds = seconds_of([&] { product.run(); }, calls);
    ratios.push_back(run_seconds / std::max(read_seconds, product.flops() / peak_flops * peak_seconds));
    best_peak = std::min(best_peak, peak_seconds);
    best_read = std::min(best_read, read_seconds);
    best_run = std::min(best_run, run_seconds);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf(
      "  %-12s %-4s %-28s %9.2f us  weights %6.1f GB/s (read alone %6.1f)  %6.1f GFLOP/s (peak %6.1f)  %.2f x model\n",
      set.name, name_of(type), label, best_run * 1e6, product.weight_bytes() / best_run * 1e-9,
      product.weight_bytes() / best_read * 1e-9, product.flops() / best_run * 1e-9, peak_flops / best_peak * 1e-9,
      ratios[ratios.size() / 2]);
  std::fflush(stdout);
}

BENCH(gemm_few_rows) {
  static_cast<void>(suite);
  constexpr size_t kBeyondCaches = 96 << 20;
  std::printf("gemm_few_rows\n");
  for_each_set([&](const KernelSet& set) {
    for (WeightType type : {WeightType::kF32, WeightType::kBf16}) {
      for (size_t m : {1, 4, 20}) {
        for (const Shape& shape : {Shape{m, 512, 512}, Shape{m, 2048, 512}, Shape{m, 512, 2048}}) {
          char label[64];
          std::snprintf(label, sizeof label, "%zu x %zu x %zu", m, shape.n, shape.k);
          Product product(set, type, shape);
          compare_with_model(set, type, product, label);
        }
        const Shape shape = {m, 2048, 512};
        Product product(set, type, shape, kBeyondCaches / set.gemm->packed_bytes(type, shape.n, shape.k));
        char label[64];
        std::snprintf(label, sizeof label, "%zu x 2048 x 512 from memory", m);
        compare_with_model(set, type, product, label);
      }
    }
  });
}

}  // namespace
}  // namespace tidemerge
