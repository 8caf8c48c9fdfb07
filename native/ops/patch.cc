#include "ops/patch.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops/checks.h"
#include "ops/context_tail.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

struct Moments {
  float loc;
  float scale;
};

template <typename T>
Moments moments(const ContextTail<T>& tail) {
  size_t count = 0;
  double sum = 0.0;
  for (size_t i = 0; i < tail.count; ++i) {
    const double x = tail.values[i];
    if (std::isnan(x)) continue;
    ++count;
    sum += x;
  }
  if (count == 0) return {0.0f, 1.0f};
  const float loc = static_cast<float>(sum / static_cast<double>(count));
  double squares = 0.0;
  for (size_t i = 0; i < tail.count; ++i) {
    const double x = tail.values[i];
    if (std::isnan(x)) continue;
    const double distance = x - static_cast<double>(loc);
    squares += distance * distance;
  }
  const float scale = static_cast<float>(std::sqrt(squares / static_cast<double>(count)));
  return {loc, scale == 0.0f ? 1e-5f : scale};
}

// The patches of one series over its values with missing ones put in front.
template <typename T>
struct Patches {
  Patches(const ContextTail<T>& tail, size_t length, size_t stride) : tail(tail), length(length), stride(stride) {
    const size_t padded = (tail.count + length - 1) / length * length;
    padding = padded - tail.count;
    count = padded == 0 ? 0 : (padded - length) / stride + 1;
  }

  // Places [first, length) of patch p hold values, those before lie in the padding. The padding is shorter than a
  // patch, so first < length.
  size_t first(size_t p) const { return p * stride >= padding ? 0 : padding - p * stride; }
  const T* values(size_t p) const { return tail.values + (p * stride + first(p) - padding); }

  bool observed(size_t p) const {
    const T* v = values(p);
    for (size_t i = first(p); i < length; ++i, ++v) {
      if (!std::isnan(*v)) return true;
    }
    return false;
  }

  ContextTail<T> tail;
  size_t length;
  size_t stride;
  size_t padding;
  size_t count;
};

class InstanceNormPatch final : public Operator {
 public:
  explicit InstanceNormPatch(const Attributes& attributes)
      : context_length_(static_cast<size_t>(attributes.integer_in("contextLength", 1, INT32_MAX))),
        patch_length_(static_cast<size_t>(attributes.integer_in("patchLength", 1, 1 << 24))),
        patch_stride_(static_cast<size_t>(attributes.integer_in("patchStride", 1, 1 << 24))) {}

  void run(Call& call) const override {
    const Tensor& values = real_column(call, 0, "values");
    size_t batch = 0;
    const int32_t* offsets = call.offsets(1, "offsets", values.rows(), batch);
    with_reals(values, [&](const auto* v) { run_typed(call, v, offsets, batch); });
  }

 private:
  template <typename T>
  Patches<T> patches_of(const T* values, const int32_t* offsets, size_t b) const {
    return Patches<T>(ContextTail<T>(values, offsets, b, context_length_), patch_length_, patch_stride_);
  }

  template <typename T>
  void run_typed(Call& call, const T* values, const int32_t* offsets, size_t batch) const {
    int32_t* counts = call.output(3, DType::kInt32, batch, 1).template data<int32_t>();
    float* loc = call.output(4, DType::kFloat32, batch, 1).template data<float>();
    float* scale = call.output(5, DType::kFloat32, batch, 1).template data<float>();
    std::vector<size_t> starts(batch + 1, 0);  // in rows of the result
    const size_t length = batch == 0 ? 0 : static_cast<size_t>(offsets[batch]) / batch;
    for_each_index(call, batch, 4 * length, [&](size_t b, int) {
      const Patches<T> patches = patches_of(values, offsets, b);
      const Moments m = moments(patches.tail);
      loc[b] = m.loc;
      scale[b] = m.scale;
      counts[b] = static_cast<int32_t>(patches.count);
      for (size_t p = 0; p < patches.count; ++p) starts[b + 1] += patches.observed(p) ? 1 : 0;
    });
    for (size_t b = 0; b < batch; ++b) starts[b + 1] += starts[b];
    expect_int32(call, "values", starts[batch]);

    const size_t cols = 2 * patch_length_;
    float* out = call.output(0, DType::kFloat32, starts[batch], cols).template data<float>();
    int32_t* patch_offsets = call.output(1, DType::kInt32, batch + 1, 1).template data<int32_t>();
    int32_t* positions = call.output(2, DType::kInt32, starts[batch], 1).template data<int32_t>();
    for (size_t b = 0; b <= batch; ++b) patch_offsets[b] = static_cast<int32_t>(starts[b]);
    for_each_index(call, batch, 4 * length, [&](size_t b, int) {
      const Patches<T> patches = patches_of(values, offsets, b);
      size_t row = starts[b];
      for (size_t p = 0; p < patches.count; ++p) {
        if (!patches.observed(p)) continue;
        write_patch(patches, p, {loc[b], scale[b]}, out + row * cols);
        positions[row++] = static_cast<int32_t>(p);
      }
    });
  }

  template <typename T>
  static void write_patch(const Patches<T>& patches, size_t p, Moments m, float* out) {
    float* mask = out + patches.length;
    const size_t first = patches.first(p);
    std::fill_n(out, first, 0.0f);
    std::fill_n(mask, first, 0.0f);
    const T* v = patches.values(p);
    for (size_t i = first; i < patches.length; ++i, ++v) {
      const double x = *v;
      const bool missing = std::isnan(x);
      out[i] = missing ? 0.0f : static_cast<float>(x - static_cast<double>(m.loc)) / m.scale;
      mask[i] = missing ? 0.0f : 1.0f;
    }
  }

  size_t context_length_;
  size_t patch_length_;
  size_t patch_stride_;
};

class AppendRow final : public Operator {
 public:
  explicit AppendRow(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    size_t batch = 0;
    const int32_t* offsets = call.offsets(1, "offsets", x.rows(), batch);
    const int32_t* positions = call.input(2, "positions", DType::kInt32, x.rows(), 1).data<int32_t>();
    const int32_t* counts = call.input(3, "counts", DType::kInt32, batch, 1).data<int32_t>();
    const Tensor& row = call.input(4, "row", DType::kFloat32);
    if (row.cols() != x.cols() || (row.rows() != 1 && row.rows() != batch)) {
      const std::string each = batch == 1 ? "" : " or " + shape_text(batch, x.cols());
      call.shape_error("row", "shape " + shape_text(1, x.cols()) + each, shape_text(row));
    }
    expect_int32(call, "x", x.rows() + batch);

    const size_t cols = x.cols();
    float* out = call.output(0, DType::kFloat32, x.rows() + batch, cols).data<float>();
    int32_t* out_offsets = call.output(1, DType::kInt32, batch + 1, 1).data<int32_t>();
    int32_t* out_positions = call.output(2, DType::kInt32, x.rows() + batch, 1).data<int32_t>();
    for (size_t b = 0; b <= batch; ++b) out_offsets[b] = offsets[b] + static_cast<int32_t>(b);
    const size_t length = batch == 0 ? 0 : x.rows() / batch;
    for_each_index(call, batch, length * cols, [&](size_t b, int) {
      const size_t from = static_cast<size_t>(offsets[b]);
      const size_t count = static_cast<size_t>(offsets[b + 1]) - from;
      std::copy_n(x.data<float>() + from * cols, count * cols, out + (from + b) * cols);
      std::copy_n(row.data<float>() + (row.rows() == 1 ? 0 : b * cols), cols, out + (from + b + count) * cols);
      std::copy_n(positions + from, count, out_positions + from + b);
      out_positions[from + b + count] = counts[b];
    });
  }
};

}  // namespace

const OperatorInfo& instance_norm_patch_operator() {
  static const OperatorInfo info{"instance_norm_patch", 2, 2, 6, create<InstanceNormPatch>};
  return info;
}

const OperatorInfo& append_row_operator() {
  static const OperatorInfo info{"append_row", 5, 5, 3, create<AppendRow>};
  return info;
}

}  // namespace tidemerge
