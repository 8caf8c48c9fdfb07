#include "ops/quantiles.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Sorting n values costs about this many steps each.
constexpr size_t kSortSteps = 64;

std::vector<float> levels_input(const Call& call, size_t i, const char* name) {
  const Tensor& tensor = real_column(call, i, name);
  std::vector<float> levels(tensor.rows());
  with_reals(tensor, [&](const auto* level) {
    for (size_t l = 0; l < levels.size(); ++l) {
      if (!(level[l] >= 0 && level[l] <= 1)) {
        call.argument_error(name, "levels between 0 and 1", std::to_string(level[l]));
      }
      levels[l] = static_cast<float>(level[l]);
    }
  });
  return levels;
}

float quantile_of_sorted(const float* v, size_t n, float level) {
  const float rank = static_cast<float>(static_cast<double>(level) * static_cast<double>(n - 1));
  const size_t below = static_cast<size_t>(rank);
  if (below >= n - 1) return v[n - 1];
  const double weight = static_cast<double>(rank) - static_cast<double>(below);
  if (weight == 0.0) return v[below];
  const double low = v[below];
  return static_cast<float>(low + weight * (static_cast<double>(v[below + 1]) - low));
}

// Sorts v in place and writes one quantile per level.
void write_quantiles(float* v, size_t n, const std::vector<float>& levels, float* out) {
  if (std::any_of(v, v + n, [](float x) { return std::isnan(x); })) {
    std::fill_n(out, levels.size(), kNaN);
    return;
  }
  std::sort(v, v + n);
  for (size_t l = 0; l < levels.size(); ++l) out[l] = quantile_of_sorted(v, n, levels[l]);
}

// samples f32 [B*S, H], numSamples i32 [1, 1]: the first and the last input of the sample_* operators.
struct Samples {
  Samples(const Call& call, size_t count_input) {
    const Tensor& tensor = call.input(0, "samples", DType::kFloat32);
    count = static_cast<size_t>(call.scalar(count_input, "numSamples", 1));
    if (tensor.rows() % count != 0) {
      call.shape_error("samples", "a multiple of numSamples " + std::to_string(count) + " rows", shape_text(tensor));
    }
    data = tensor.data<float>();
    batch = tensor.rows() / count;
    horizon = tensor.cols();
  }

  // The samples of series b at step h.
  void gather(size_t b, size_t h, float* out) const {
    const float* from = data + b * count * horizon + h;
    for (size_t s = 0; s < count; ++s) out[s] = from[s * horizon];
  }

  const float* data;
  size_t count;
  size_t batch;
  size_t horizon;
};

class SampleQuantiles final : public Operator {
 public:
  explicit SampleQuantiles(const Attributes&) {}

  void run(Call& call) const override {
    const Samples samples(call, 2);
    const std::vector<float> levels = levels_input(call, 1, "levels");
    const size_t rows = samples.batch * samples.horizon;
    expect_int32(call, "samples", rows);
    float* out = call.output(0, DType::kFloat32, rows, levels.size()).data<float>();
    const Scratch scratch = call.scratch(samples.count * sizeof(float));
    for_ranges(call, rows, kSortSteps * samples.count, [&](size_t begin, size_t end, int thread) {
      float* v = scratch.as<float>(thread);
      for (size_t r = begin; r < end; ++r) {
        samples.gather(r / samples.horizon, r % samples.horizon, v);
        write_quantiles(v, samples.count, levels, out + r * levels.size());
      }
    });
  }
};

class SampleMean final : public Operator {
 public:
  explicit SampleMean(const Attributes&) {}

  void run(Call& call) const override {
    const Samples samples(call, 1);
    float* out = call.output(0, DType::kFloat32, samples.batch, samples.horizon).data<float>();
    for_ranges(call, samples.batch * samples.horizon, 4 * samples.count, [&](size_t begin, size_t end, int) {
      for (size_t r = begin; r < end; ++r) {
        const float* from = samples.data + r / samples.horizon * samples.count * samples.horizon + r % samples.horizon;
        double sum = 0.0;
        for (size_t s = 0; s < samples.count; ++s) sum += from[s * samples.horizon];
        out[r] = static_cast<float>(sum / static_cast<double>(samples.count));
      }
    });
  }
};

class SampleMedian final : public Operator {
 public:
  explicit SampleMedian(const Attributes&) {}

  void run(Call& call) const override {
    const Samples samples(call, 1);
    float* out = call.output(0, DType::kFloat32, samples.batch, samples.horizon).data<float>();
    const Scratch scratch = call.scratch(samples.count * sizeof(float));
    for_ranges(call, samples.batch * samples.horizon, kSortSteps * samples.count,
               [&](size_t begin, size_t end, int thread) {
                 float* v = scratch.as<float>(thread);
                 for (size_t r = begin; r < end; ++r) {
                   samples.gather(r / samples.horizon, r % samples.horizon, v);
                   out[r] = lower_median(v, samples.count);
                 }
               });
  }

 private:
  static float lower_median(float* v, size_t n) {
    if (std::any_of(v, v + n, [](float x) { return std::isnan(x); })) return kNaN;
    float* middle = v + (n - 1) / 2;
    std::nth_element(v, middle, v + n);
    return *middle;
  }
};

class InterpolateQuantiles final : public Operator {
 public:
  explicit InterpolateQuantiles(const Attributes& attributes)
      : horizon_(static_cast<size_t>(attributes.integer_in("horizon", 1, INT32_MAX))) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    const std::vector<float> levels = levels_input(call, 1, "levels");
    const std::vector<float> trained = levels_input(call, 2, "trained");
    const size_t quantiles = trained.size();
    if (quantiles == 0) call.shape_error("trained", "shape [*, 1] with at least one row", "[0, 1]");
    expect_columns(call, x, "x", quantiles * horizon_);

    const size_t rows = x.rows() * horizon_;
    expect_int32(call, "x", rows);
    float* out = call.output(0, DType::kFloat32, rows, levels.size()).data<float>();
    const std::vector<size_t> picked = places(levels, trained);
    const Scratch scratch = call.scratch((quantiles + 2) * sizeof(float));
    for_ranges(call, rows, kSortSteps * quantiles, [&](size_t begin, size_t end, int thread) {
      float* v = scratch.as<float>(thread);
      for (size_t r = begin; r < end; ++r) {
        const float* from = x.data<float>() + r / horizon_ * x.cols() + r % horizon_;
        float* to = out + r * levels.size();
        if (picked.size() == levels.size()) {
          for (size_t l = 0; l < levels.size(); ++l) to[l] = from[picked[l] * horizon_];
          continue;
        }
        for (size_t q = 0; q < quantiles; ++q) v[q + 1] = from[q * horizon_];
        v[0] = v[1];
        v[quantiles + 1] = v[quantiles];
        write_quantiles(v, quantiles + 2, levels, to);
      }
    });
  }

 private:
  // Where each level is among the trained ones; shorter than `levels` if one is not.
  static std::vector<size_t> places(const std::vector<float>& levels, const std::vector<float>& trained) {
    std::vector<size_t> result;
    for (const float level : levels) {
      const auto found = std::find(trained.begin(), trained.end(), level);
      if (found == trained.end()) break;
      result.push_back(static_cast<size_t>(found - trained.begin()));
    }
    return result;
  }

  size_t horizon_;
};

}  // namespace

const OperatorInfo& sample_quantiles_operator() {
  static const OperatorInfo info{"sample_quantiles", 3, 3, 1, create<SampleQuantiles>};
  return info;
}

const OperatorInfo& sample_mean_operator() {
  static const OperatorInfo info{"sample_mean", 2, 2, 1, create<SampleMean>};
  return info;
}

const OperatorInfo& sample_median_operator() {
  static const OperatorInfo info{"sample_median", 2, 2, 1, create<SampleMedian>};
  return info;
}

const OperatorInfo& interpolate_quantiles_operator() {
  static const OperatorInfo info{"interpolate_quantiles", 3, 3, 1, create<InterpolateQuantiles>};
  return info;
}

}  // namespace tidemerge
