#include "ops/tokenize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/checks.h"
#include "ops/context_tail.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

struct Observed {
  size_t count;
  float scale;
};

template <typename T>
Observed observe(const ContextTail<T>& tail) {
  size_t count = 0;
  double sum = 0.0;
  for (size_t i = 0; i < tail.count; ++i) {
    const float x = static_cast<float>(tail.values[i]);
    if (std::isnan(x)) continue;
    ++count;
    sum += std::fabs(x);
  }
  const float scale = count == 0 ? 1.0f : static_cast<float>(sum / static_cast<double>(count));
  return {count, scale > 0.0f ? scale : 1.0f};
}

// The number of boundaries that do not lie above x. Boundaries ascend, so it is the first one that does; a NaN
// lies above all of them.
size_t bucket(const float* boundaries, size_t count, float x) {
  size_t low = 0;
  while (count > 0) {
    const size_t half = count / 2;
    const bool above = boundaries[low + half] > x;
    low = above ? low : low + half + 1;
    count = above ? half : count - half - 1;
  }
  return low;
}

class MeanScaleTokenize final : public Operator {
 public:
  explicit MeanScaleTokenize(const Attributes& attributes)
      : context_length_(static_cast<size_t>(attributes.integer_in("contextLength", 1, INT32_MAX))),
        num_tokens_(attributes.integer_in("numTokens", 1, INT32_MAX)),
        num_special_tokens_(attributes.integer_in("numSpecialTokens", 0, INT32_MAX)),
        eos_token_id_(static_cast<int32_t>(attributes.integer_in("eosTokenId", -1, INT32_MAX))) {}

  void run(Call& call) const override {
    const Tensor& values = real_column(call, 0, "values");
    size_t batch = 0;
    const int32_t* offsets = call.offsets(1, "offsets", values.rows(), batch);
    const Tensor& boundaries = call.input(2, "boundaries", DType::kFloat32);
    if (boundaries.rows() != 1 && boundaries.cols() != 1) {
      call.shape_error("boundaries", "shape [*, 1]", shape_text(boundaries));
    }
    with_reals(values, [&](const auto* v) { run_typed(call, v, offsets, batch, boundaries); });
  }

 private:
  template <typename T>
  void run_typed(Call& call, const T* values, const int32_t* offsets, size_t batch, const Tensor& boundaries) const {
    float* scale = call.output(3, DType::kFloat32, batch, 1).template data<float>();
    std::vector<size_t> starts(batch + 1, 0);  // in tokens
    const size_t length = batch == 0 ? 0 : static_cast<size_t>(offsets[batch]) / batch;
    for_each_index(call, batch, 2 * length, [&](size_t b, int) {
      const Observed observed = observe(ContextTail<T>(values, offsets, b, context_length_));
      scale[b] = observed.scale;
      starts[b + 1] = observed.count + (eos_token_id_ >= 0 ? 1 : 0);
    });
    for (size_t b = 0; b < batch; ++b) starts[b + 1] += starts[b];
    expect_int32(call, "values", starts[batch]);

    int32_t* ids = call.output(0, DType::kInt32, starts[batch], 1).template data<int32_t>();
    int32_t* token_offsets = call.output(1, DType::kInt32, batch + 1, 1).template data<int32_t>();
    int32_t* positions = call.output(2, DType::kInt32, starts[batch], 1).template data<int32_t>();
    for (size_t b = 0; b <= batch; ++b) token_offsets[b] = static_cast<int32_t>(starts[b]);
    for_each_index(call, batch, 64 * length, [&](size_t b, int) {
      write_tokens(ContextTail<T>(values, offsets, b, context_length_), scale[b], boundaries, ids + starts[b],
                   positions + starts[b]);
    });
  }

  template <typename T>
  void write_tokens(const ContextTail<T>& tail, float scale, const Tensor& boundaries, int32_t* ids,
                    int32_t* positions) const {
    for (size_t i = 0; i < tail.count; ++i) {
      const float x = static_cast<float>(tail.values[i]);
      if (std::isnan(x)) continue;
      const int64_t id =
          static_cast<int64_t>(bucket(boundaries.data<float>(), boundaries.count(), x / scale)) + num_special_tokens_;
      *ids++ = static_cast<int32_t>(std::min(id, num_tokens_ - 1));
      *positions++ = static_cast<int32_t>(i);
    }
    if (eos_token_id_ >= 0) {
      *ids = eos_token_id_;
      *positions = static_cast<int32_t>(tail.count);
    }
  }

  size_t context_length_;
  int64_t num_tokens_;
  int64_t num_special_tokens_;
  int32_t eos_token_id_;
};

class TokensToValues final : public Operator {
 public:
  explicit TokensToValues(const Attributes& attributes)
      : num_special_tokens_(attributes.integer_in("numSpecialTokens", 0, INT32_MAX)) {}

  void run(Call& call) const override {
    const Tensor& ids = call.input(0, "ids", DType::kInt32);
    const Tensor& scale = call.input(1, "scale", DType::kFloat32);
    expect_columns(call, scale, "scale", 1);
    const Tensor& centers = call.input(2, "centers", DType::kFloat32);
    if (centers.count() == 0 || (centers.rows() != 1 && centers.cols() != 1)) {
      call.shape_error("centers", "shape [*, 1] with at least one row", shape_text(centers));
    }
    const size_t batch = scale.rows();
    if (batch == 0 ? ids.rows() != 0 : ids.rows() % batch != 0) {
      call.shape_error("ids", "a multiple of " + std::to_string(batch) + " rows", shape_text(ids));
    }
    Tensor& out = call.output(0, DType::kFloat32, ids.rows(), ids.cols());
    const size_t per_series = batch == 0 ? 0 : ids.rows() / batch;
    for_ranges(call, ids.rows(), 4 * ids.cols(), [&](size_t begin, size_t end, int) {
      for (size_t r = begin; r < end; ++r) {
        decode(ids.data<int32_t>() + r * ids.cols(), ids.cols(), scale.data<float>()[r / per_series], centers,
               out.data<float>() + r * ids.cols());
      }
    });
  }

 private:
  void decode(const int32_t* ids, size_t count, float scale, const Tensor& centers, float* out) const {
    const float* center = centers.data<float>();
    const int64_t last = static_cast<int64_t>(centers.count()) - 1;
    for (size_t i = 0; i < count; ++i) {
      const int64_t index = std::clamp(ids[i] - num_special_tokens_ - 1, int64_t{0}, last);
      out[i] = center[index] * scale;
    }
  }

  int64_t num_special_tokens_;
};

}  // namespace

const OperatorInfo& mean_scale_tokenize_operator() {
  static const OperatorInfo info{"mean_scale_tokenize", 3, 3, 4, create<MeanScaleTokenize>};
  return info;
}

const OperatorInfo& tokens_to_values_operator() {
  static const OperatorInfo info{"tokens_to_values", 3, 3, 1, create<TokensToValues>};
  return info;
}

}  // namespace tidemerge
