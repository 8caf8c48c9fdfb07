#include "ops/sample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "kernels/reduce/reduce.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/random.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What is left of one row after filtering: ids ascending, e[i] belongs to ids[i].
struct Kept {
  const int32_t* ids;
  const float* e;
  size_t count;
  double total;  // of e, in ascending order
};

double sum_of(const float* e, size_t count) {
  double sum = 0.0;
  for (size_t i = 0; i < count; ++i) sum += e[i];
  return sum;
}

struct Candidate {
  float e;
  int32_t id;
};

// The order of top-p: likelier ids first, of ties the higher id first.
bool comes_before(const Candidate& a, const Candidate& b) { return a.e > b.e || (a.e == b.e && a.id > b.id); }

// Blocks of a row whose maxima tell where the largest numbers are.
constexpr size_t kBlock = 16;

// e in [0, 1] sorted into buckets by exponent and three bits more: the order of buckets is that of e.
constexpr int kBucketShift = 20;
constexpr size_t kBuckets = (0x3f800000u >> kBucketShift) + 1;

size_t bucket_of(float e) {
  uint32_t bits;
  std::memcpy(&bits, &e, sizeof bits);
  return std::min<size_t>(bits >> kBucketShift, kBuckets - 1);
}

// Memory for one row.
struct Workspace {
  Workspace(std::byte* scratch, size_t vocabulary)
      : buckets(reinterpret_cast<double*>(scratch)),
        candidates(reinterpret_cast<Candidate*>(buckets + kBuckets)),
        z(reinterpret_cast<float*>(candidates + vocabulary)),
        e(z + vocabulary),
        ids(reinterpret_cast<int32_t*>(e + vocabulary)) {}

  static size_t bytes(size_t vocabulary) {
    return kBuckets * sizeof(double) + vocabulary * (sizeof(Candidate) + 2 * sizeof(float) + sizeof(int32_t));
  }

  double* buckets;
  Candidate* candidates;
  float* z;
  float* e;
  int32_t* ids;
};

// The attributes both operators share, and steps 1 to 5 of the rule in sample.h.
class Filter {
 public:
  explicit Filter(const Attributes& attributes)
      : temperature_(static_cast<float>(attributes.number("temperature"))),
        top_k_(static_cast<size_t>(attributes.integer_in("topK", 0, INT32_MAX))),
        top_p_(attributes.number("topP")) {
    if (!(temperature_ > 0.0f && temperature_ < kInfinity)) {
      attributes.fail("temperature", "a positive number", std::to_string(attributes.number("temperature")));
    }
    if (!(top_p_ > 0.0 && top_p_ <= 1.0)) attributes.fail("topP", "a number in (0, 1]", std::to_string(top_p_));
    for (const double id : attributes.list("forbidden")) {
      if (!(id >= 0 && id <= INT32_MAX) || id != std::floor(id)) {
        attributes.fail("forbidden", "a list of token ids", std::to_string(id));
      }
      forbidden_.push_back(static_cast<size_t>(id));
    }
  }

  void check(const Call& call, const Tensor& logits) const {
    for (const size_t id : forbidden_) {
      if (id >= logits.cols()) {
        call.argument_error("forbidden", "ids below " + std::to_string(logits.cols()), std::to_string(id));
      }
    }
  }

  // The result lies in `work`.
  Kept apply(const Call& call, const float* logits, size_t vocabulary, size_t row, const Workspace& work) const {
    scale(logits, vocabulary, work.z);
    for (const size_t id : forbidden_) work.z[id] = -kInfinity;
    size_t count = collect(call, work, vocabulary);
    if (top_k_ != 0 && count > top_k_) count = keep_top_k(work, count);
    exponentiate(call, work.e, count, row);
    if (top_p_ < 1.0) count = keep_top_p(work, count);
    return {work.ids, work.e, count, sum_of(work.e, count)};
  }

 private:
  void scale(const float* logits, size_t count, float* z) const {
    if (temperature_ == 1.0f) {
      std::copy_n(logits, count, z);
      return;
    }
    // Blocks of fixed length, which the compiler turns into vector divisions also at -O2.
    size_t i = 0;
    for (; i + kBlock <= count; i += kBlock) {
      for (size_t j = 0; j < kBlock; ++j) z[i + j] = logits[i + j] / temperature_;
    }
    for (; i < count; ++i) z[i] = logits[i] / temperature_;
  }

  // Maxima of the blocks of z, when there are enough blocks to learn something about the topK-th largest number.
  const float* block_maxima(const Call& call, const Workspace& work, size_t blocks) const {
    if (top_k_ == 0 || top_k_ > blocks) return nullptr;
    float* maxima = reinterpret_cast<float*>(work.candidates);
    call.kernels().reduce->max_f32(work.z, kBlock, blocks, kBlock, maxima);
    return maxima;
  }

  // At least topK numbers are as large as the topK-th largest maximum of a block, and usually few more.
  float lower_bound(const float* maxima, size_t blocks, const Workspace& work) const {
    if (maxima == nullptr || std::any_of(maxima, maxima + blocks, [](float m) { return std::isnan(m); })) {
      return -kInfinity;
    }
    std::copy_n(maxima, blocks, work.e);
    return kth_largest(work.e, blocks);
  }

  // Reorders v.
  float kth_largest(float* v, size_t count) const {
    std::nth_element(v, v + (top_k_ - 1), v + count, std::greater<float>());
    return v[top_k_ - 1];
  }

  // Ids that may be among the topK, ascending, and their z in e; without those at -infinity. NaN is collected, to be
  // complained about.
  size_t collect(const Call& call, const Workspace& work, size_t vocabulary) const {
    const size_t blocks = vocabulary / kBlock;
    const float* maxima = block_maxima(call, work, blocks);
    const float lowest = lower_bound(maxima, blocks, work);
    size_t count = 0;
    for (size_t begin = 0; begin < vocabulary; begin += kBlock) {
      const size_t b = begin / kBlock;
      if (maxima != nullptr && b < blocks && maxima[b] < lowest) continue;
      for (size_t i = begin; i < std::min(vocabulary, begin + kBlock); ++i) {
        work.ids[count] = static_cast<int32_t>(i);
        work.e[count] = work.z[i];
        count += !(work.z[i] < lowest) & (work.z[i] != -kInfinity);  // no branch: nothing predicts it
      }
    }
    return count;
  }

  // Of the collected ids those not below the topK-th largest.
  size_t keep_top_k(const Workspace& work, size_t count) const {
    std::copy_n(work.e, count, work.z);
    if (std::any_of(work.z, work.z + count, [](float z) { return std::isnan(z); })) return count;
    const float lowest = kth_largest(work.z, count);
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
      work.ids[kept] = work.ids[i];
      work.e[kept] = work.e[i];
      kept += !(work.e[i] < lowest);
    }
    return kept;
  }

  // z -> exp(z - max), in place.
  static void exponentiate(const Call& call, float* z, size_t count, size_t row) {
    float largest = -kInfinity;
    for (size_t i = 0; i < count; ++i) {
      if (!(z[i] < kInfinity)) fail(call, row, std::isnan(z[i]) ? "NaN" : "infinity");
      largest = std::max(largest, z[i]);
    }
    if (count == 0) fail(call, row, "none left");
    for (size_t i = 0; i < count; ++i) z[i] -= largest;
    call.kernels().elementwise->exp_f32(z, z, count);
  }

  [[noreturn]] static void fail(const Call& call, size_t row, const char* got) {
    throw Error("ERR_BAD_DATA", std::string(call.op()) + ": logits: expected finite numbers, got " + got + " in row " +
                                    std::to_string(row));
  }

  // The smallest set of likeliest ids that reaches topP. Sums of buckets find the one in which it is reached; only that
  // one is sorted.
  size_t keep_top_p(const Workspace& work, size_t count) const {
    const double wanted = top_p_ * sum_of(work.e, count);
    std::fill_n(work.buckets, kBuckets, 0.0);
    for (size_t i = 0; i < count; ++i) work.buckets[bucket_of(work.e[i])] += work.e[i];
    size_t bucket = kBuckets - 1;
    double before = 0.0;
    while (bucket > 0 && before + work.buckets[bucket] < wanted) before += work.buckets[bucket--];

    Candidate* end = work.candidates;
    for (size_t i = 0; i < count; ++i) {
      if (bucket_of(work.e[i]) == bucket) *end++ = {work.e[i], work.ids[i]};
    }
    if (end == work.candidates) return count;
    std::sort(work.candidates, end, comes_before);
    const Candidate* last = work.candidates;
    for (before += last->e; last + 1 != end && before < wanted; before += last->e) ++last;

    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
      if (comes_before(*last, {work.e[i], work.ids[i]})) continue;
      work.ids[kept] = work.ids[i];
      work.e[kept++] = work.e[i];
    }
    return kept;
  }

  float temperature_;
  size_t top_k_;
  double top_p_;
  std::vector<size_t> forbidden_;
};

int32_t draw(const Kept& kept, double u) {
  const double target = u * kept.total;
  double sum = 0.0;
  for (size_t i = 0; i < kept.count; ++i) {
    sum += kept.e[i];
    if (sum > target) return kept.ids[i];
  }
  return kept.ids[kept.count - 1];  // not reached: u < 1 and the likeliest id has e = 1
}

class SampleTokens final : public Operator {
 public:
  explicit SampleTokens(const Attributes& attributes) : filter_(attributes) {}

  void run(Call& call) const override {
    const Tensor& logits = call.input(0, "logits", DType::kFloat32);
    const size_t samples = static_cast<size_t>(call.scalar(4, "numSamples", 1));
    if (logits.rows() % samples != 0) {
      call.shape_error("logits", "a multiple of numSamples " + std::to_string(samples) + " rows", shape_text(logits));
    }
    const int32_t* keys = call.input(1, "keys", DType::kInt32, logits.rows() / samples, 2).data<int32_t>();
    const PhiloxKey seed = words(call.input(2, "seed", DType::kInt32, 2, 1).data<int32_t>());
    const uint32_t step = static_cast<uint32_t>(call.scalar(3, "step"));
    filter_.check(call, logits);

    int32_t* out = call.output(0, DType::kInt32, logits.rows(), 1).data<int32_t>();
    const size_t vocabulary = logits.cols();
    const Scratch scratch = call.scratch(Workspace::bytes(vocabulary));
    for_ranges(call, logits.rows(), 4 * vocabulary, [&](size_t begin, size_t end, int thread) {
      for (size_t r = begin; r < end; ++r) {
        const Kept kept = filter_.apply(call, logits.data<float>() + r * vocabulary, vocabulary, r,
                                        Workspace(scratch[thread], vocabulary));
        const PhiloxKey key = mix(seed, words(keys + 2 * (r / samples)));
        out[r] = draw(kept, uniform(key, static_cast<uint32_t>(r % samples), step));
      }
    });
  }

 private:
  static PhiloxKey words(const int32_t* pair) {
    return {static_cast<uint32_t>(pair[0]), static_cast<uint32_t>(pair[1])};
  }

  Filter filter_;
};

class SamplingDistribution final : public Operator {
 public:
  explicit SamplingDistribution(const Attributes& attributes) : filter_(attributes) {}

  void run(Call& call) const override {
    const Tensor& logits = call.input(0, "logits", DType::kFloat32);
    filter_.check(call, logits);
    const size_t vocabulary = logits.cols();
    float* out = call.output(0, DType::kFloat32, logits.rows(), vocabulary).data<float>();
    const Scratch scratch = call.scratch(Workspace::bytes(vocabulary));
    for_ranges(call, logits.rows(), 4 * vocabulary, [&](size_t begin, size_t end, int thread) {
      for (size_t r = begin; r < end; ++r) {
        const Kept kept = filter_.apply(call, logits.data<float>() + r * vocabulary, vocabulary, r,
                                        Workspace(scratch[thread], vocabulary));
        float* p = out + r * vocabulary;
        std::fill_n(p, vocabulary, 0.0f);
        for (size_t i = 0; i < kept.count; ++i) p[kept.ids[i]] = static_cast<float>(kept.e[i] / kept.total);
      }
    });
  }

 private:
  Filter filter_;
};

}  // namespace

const OperatorInfo& sample_tokens_operator() {
  static const OperatorInfo info{"sample_tokens", 5, 5, 1, create<SampleTokens>};
  return info;
}

const OperatorInfo& sampling_distribution_operator() {
  static const OperatorInfo info{"sampling_distribution", 1, 1, 1, create<SamplingDistribution>};
  return info;
}

}  // namespace tidemerge
