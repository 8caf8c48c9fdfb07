#include <cstdio>
#include <memory>
#include <vector>

#include "kernels/attention/attention.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::Peak;
using testing::Random;

// Memory as the runtime hands it out: aligned to 64 bytes.
template <typename T>
class Aligned {
 public:
  explicit Aligned(size_t n) : memory_(new char[n * sizeof(T) + 64]) {
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory_.get());
    data_ = reinterpret_cast<T*>((address + 63) / 64 * 64);
  }
  T* data() { return data_; }

 private:
  std::unique_ptr<char[]> memory_;
  T* data_;
};

struct Shape {
  const char* name;
  size_t num_queries, num_keys, head_dim;
  bool bias;
};

// One head of one set; the arrays of a model with rows of 512.
struct Problem {
  Problem(const KernelSet& set, Shape shape)
      : kernels(*set.attention),
        q(shape.num_queries * kRow),
        k(shape.num_keys * kRow),
        v(shape.num_keys * shape.head_dim),
        out(shape.num_queries * kRow),
        bias(shape.num_queries + shape.num_keys),
        packed(kernels.packed_key_floats(shape.num_keys, shape.head_dim)),
        bf16_keys(kernels.packed_key_bf16s(shape.num_keys, shape.head_dim)),
        bf16_values(kernels.packed_value_bf16s(shape.num_keys, shape.head_dim)),
        scratch(kernels.scratch_bytes(shape.num_queries, shape.num_keys, shape.head_dim)),
        bf16_scratch(kernels.scratch_bytes_bf16(shape.num_queries, shape.num_keys, shape.head_dim)) {
    Random random(1);
    random.fill_normal(q.data(), shape.num_queries * kRow);
    random.fill_normal(k.data(), shape.num_keys * kRow);
    random.fill_normal(v.data(), shape.num_keys * shape.head_dim);
    random.fill_normal(bias.data(), shape.num_queries + shape.num_keys);
    const ptrdiff_t row = kRow, head_dim = static_cast<ptrdiff_t>(shape.head_dim);
    kernels.pack_keys(k.data(), row, shape.num_keys, shape.head_dim, packed.data(), 0);
    kernels.pack_keys_bf16(k.data(), row, shape.num_keys, shape.head_dim, bf16_keys.data(), 0);
    kernels.pack_values_bf16(v.data(), head_dim, shape.num_keys, shape.head_dim, bf16_values.data(), 0);
    const float* toeplitz = shape.bias ? bias.data() + shape.num_queries - 1 : nullptr;
    args = {
        q.data(), row, shape.num_queries, packed.data(), v.data(),   head_dim, shape.num_keys, shape.head_dim, 0.125f,
        toeplitz, -1,  nullptr,           kNotCausal,    out.data(), row};
    bf16_args = {q.data(),
                 row,
                 shape.num_queries,
                 bf16_keys.data(),
                 bf16_values.data(),
                 shape.num_keys,
                 shape.head_dim,
                 0.125f,
                 toeplitz,
                 -1,
                 nullptr,
                 kNotCausal,
                 out.data(),
                 row};
  }

  static constexpr size_t kRow = 512;
  const AttentionKernels& kernels;
  Aligned<float> q, k, v, out, bias, packed;
  Aligned<uint16_t> bf16_keys, bf16_values;
  Aligned<char> scratch, bf16_scratch;
  AttentionArgs args;
  AttentionBf16Args bf16_args;
};

constexpr Shape kShapes[] = {
    {"decode step 16", 1, 16, 64, true},      {"decode step 32", 1, 32, 64, true},
    {"decode step 64", 1, 64, 64, true},      {"cross, 1 path", 1, 513, 64, false},
    {"cross, 20 paths", 20, 513, 64, false},  {"encoder 33", 33, 33, 64, true},
    {"encoder 96", 96, 96, 64, false},        {"encoder 513", 513, 513, 64, true},
    {"encoder 513 d 32", 513, 513, 32, true}, {"encoder 513 d 128", 513, 513, 128, true},
    {"encoder 2048", 2048, 2048, 64, false},
};

void run(testing::BenchSuite& suite, bool bf16) {
  std::vector<std::unique_ptr<Problem>> problems;
  for (const Shape& shape : kShapes) {
    for_each_set([&](const KernelSet& set) {
      problems.push_back(std::make_unique<Problem>(set, shape));
      Problem* p = problems.back().get();
      // Only the two products count as work; the peak is that of the instruction they run on.
      const double flops = 4.0 * static_cast<double>(shape.num_queries * shape.num_keys * shape.head_dim);
      const bool has_dot = bf16 && p->kernels.has_bf16_dot;
      suite.add(&set, shape.name, {.flops = flops, .peak = has_dot ? Peak::kBf16 : Peak::kF32}, [p, bf16] {
        if (bf16) {
          p->kernels.attend_bf16(p->bf16_args, p->bf16_scratch.data());
        } else {
          p->kernels.attend(p->args, p->scratch.data());
        }
      });
    });
  }
  suite.run();
}

BENCH(attention_f32) { run(suite, false); }
BENCH(attention_bf16) { run(suite, true); }

BENCH(attention_packing) {
  std::vector<std::unique_ptr<Problem>> problems;
  constexpr Shape shape = {"", 1, 513, 64, false};
  constexpr double items = 513 * 64;
  for_each_set([&](const KernelSet& set) {
    problems.push_back(std::make_unique<Problem>(set, shape));
    Problem* p = problems.back().get();
    suite.add(&set, "keys 513 x 64", {.items = items},
              [p] { p->kernels.pack_keys(p->k.data(), Problem::kRow, 513, 64, p->packed.data(), 0); });
    suite.add(&set, "bf16 keys 513 x 64", {.items = items},
              [p] { p->kernels.pack_keys_bf16(p->k.data(), Problem::kRow, 513, 64, p->bf16_keys.data(), 0); });
    suite.add(&set, "bf16 values 513 x 64", {.items = items},
              [p] { p->kernels.pack_values_bf16(p->k.data(), Problem::kRow, 513, 64, p->bf16_values.data(), 0); });
    suite.add(&set, "one key of 64", {.items = 64},
              [p] { p->kernels.pack_keys(p->k.data(), Problem::kRow, 1, 64, p->packed.data(), 77); });
  });
  suite.run();
}

}  // namespace
}  // namespace tidemerge
