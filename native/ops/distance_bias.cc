#include "ops/distance_bias.h"

#include <algorithm>

namespace tidemerge {
namespace {

// Keys of a run below which looking up single keys is faster.
constexpr size_t kShortRun = 8;

}  // namespace

void DistanceBias::fill(size_t h, int64_t first, size_t count, float* out) const {
  const float* row = head(h);
  const int64_t end = first + static_cast<int64_t>(count);
  const int64_t inner_begin = std::clamp(-reach, first, end);
  const int64_t inner_end = std::clamp(reach + 1, inner_begin, end);
  std::fill_n(out, inner_begin - first, row[0]);
  out += inner_begin - first;
  if (inner_begin < inner_end) out = std::copy(row + (inner_begin + reach), row + (inner_end + reach), out);
  std::fill_n(out, end - inner_end, row[2 * reach]);
}

void DistanceBias::gather(size_t h, const int32_t* positions, size_t count, int64_t from, float* out) const {
  const float* centre = head(h) + reach;
  for (size_t j = 0; j < count; ++j) out[j] = centre[std::clamp(positions[j] - from, -reach, reach)];
}

void DistanceBias::fill_row(size_t h, const PositionRuns::Run* run, const PositionRuns::Run* end,
                            const int32_t* positions, size_t count, int64_t from, float* out) const {
  const auto runs = static_cast<size_t>(end - run);
  if (positions != nullptr && runs * kShortRun >= count) return gather(h, positions, count, from, out);
  for (; run != end; ++run) fill(h, run->first - from, run->count, out + run->row);
}

DistanceBias distance_bias_input(const Call& call, size_t i, size_t heads) {
  if (!call.has(i)) return {};
  const Tensor& tensor = call.input(i, "distanceBias", DType::kFloat32);
  if (tensor.rows() != heads || tensor.cols() % 2 != 1) {
    call.shape_error("distanceBias", "shape [" + std::to_string(heads) + ", an odd number]", shape_text(tensor));
  }
  return {tensor.data<float>(), static_cast<int64_t>(tensor.cols() / 2)};
}

}  // namespace tidemerge
