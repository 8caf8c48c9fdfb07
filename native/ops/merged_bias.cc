#include "ops/merged_bias.h"

#include <algorithm>
#include <utility>

#include "kernels/elementwise/elementwise.h"
#include "kernels/kernel_set.h"

namespace tidemerge {
namespace {

const Tensor& column_input(const Call& call, size_t i, const char* name) {
  const Tensor& tensor = call.input(i, name, DType::kInt32);
  if (tensor.cols() != 1) call.shape_error(name, "shape [rows, 1]", shape_text(tensor));
  return tensor;
}

const int32_t* original_offsets(const Call& call, size_t i, size_t rows, size_t batch) {
  size_t found = 0;
  const int32_t* offsets = call.offsets(i, "groupOffsets", rows, found);
  if (found != batch) call.shape_error("groupOffsets", "shape " + shape_text(batch + 1, 1), shape_text(found + 1, 1));
  return offsets;
}

}  // namespace

MergedBias::MergedBias(const Call& call, size_t i, const int32_t* offsets, size_t batch, DistanceBias bias)
    : kernels_(*call.kernels().elementwise),
      bias_(bias),
      offsets_(offsets),
      groups_(column_input(call, i, "groups").data<int32_t>()),
      original_offsets_(original_offsets(call, i + 1, call.input(i, "groups").rows(), batch)),
      positions_(
          call.has(i + 2)
              ? call.input(i + 2, "groupPositions", DType::kInt32, call.input(i, "groups").rows(), 1).data<int32_t>()
              : nullptr),
      runs_(positions_, original_offsets_, batch) {
  const size_t groups = static_cast<size_t>(offsets[batch]);
  members_.resize(static_cast<size_t>(original_offsets_[batch]));
  member_begin_.assign(groups + 1, 0);
  firsts_.resize(groups);
  shares_.resize(groups);
  further_.reserve(members_.size());
  further_begin_.assign(batch + 1, 0);
  for (size_t b = 0; b < batch; ++b) read_series(call, b);
}

// Counting sort of the original tokens by group.
void MergedBias::read_series(const Call& call, size_t b) {
  const size_t base = static_cast<size_t>(offsets_[b]), end = static_cast<size_t>(offsets_[b + 1]);
  const size_t count = originals(b);
  const int32_t* groups = groups_ + original_offsets_[b];
  longest_ = std::max(longest_, count);
  std::vector<int32_t> sizes(end - base, 0);
  for (size_t j = 0; j < count; ++j) {
    if (groups[j] < 0 || static_cast<size_t>(groups[j]) >= sizes.size()) {
      call.argument_error(
          "groups", "places below " + std::to_string(sizes.size()) + ", the tokens of series " + std::to_string(b),
          std::to_string(groups[j]));
    }
    ++sizes[static_cast<size_t>(groups[j])];
  }
  int32_t at = original_offsets_[b];
  for (size_t g = 0; g < sizes.size(); ++g) {
    if (sizes[g] == 0) {
      call.argument_error("groups", "an original token for every token of series " + std::to_string(b),
                          "none for token " + std::to_string(g));
    }
    shares_[base + g] = 1.0f / static_cast<float>(sizes[g]);
    member_begin_[base + g] = at;
    at += std::exchange(sizes[g], 0);
  }
  member_begin_[end] = at;
  for (size_t j = 0; j < count; ++j) {
    const size_t g = static_cast<size_t>(groups[j]);
    const auto original = static_cast<int32_t>(j);
    members_[static_cast<size_t>(member_begin_[base + g] + sizes[g])] = original;
    if (sizes[g]++ == 0) {
      firsts_[base + g] = original;
    } else {
      further_.push_back({original, groups[j]});
    }
  }
  further_begin_[b + 1] = further_.size();
}

int64_t MergedBias::position(size_t b, size_t original) const {
  return positions_ == nullptr ? static_cast<int64_t>(original)
                               : positions_[static_cast<size_t>(original_offsets_[b]) + original];
}

void MergedBias::row_of(size_t b, size_t h, size_t original, float* out) const {
  const int32_t* positions = positions_ == nullptr ? nullptr : positions_ + original_offsets_[b];
  bias_.fill_row(h, runs_.begin(b), runs_.end(b), positions, originals(b), position(b, original), out);
}

const float* MergedBias::sum_of_members(size_t b, size_t h, size_t group, const float* toeplitz, float* row,
                                        float* more) const {
  const size_t g = static_cast<size_t>(offsets_[b]) + group;
  const size_t count = originals(b);
  const float* sum = nullptr;
  for (int32_t m = member_begin_[g]; m < member_begin_[g + 1]; ++m) {
    const auto original = static_cast<size_t>(members_[static_cast<size_t>(m)]);
    const float* next = toeplitz == nullptr ? (sum == nullptr ? row : more) : toeplitz + (count - 1 - original);
    if (toeplitz == nullptr) row_of(b, h, original, sum == nullptr ? row : more);
    if (sum != nullptr) kernels_.add_f32(sum, next, row, count);
    sum = sum == nullptr ? next : row;
  }
  return sum;
}

// Several rows in one pass: they share the places, and their additions do not wait for each other.
template <size_t kRows>
void MergedBias::sum_over_keys(size_t b, const float* const* sums, float* out, size_t keys) const {
  const int32_t* firsts = firsts_.data() + offsets_[b];
  for (size_t g = 0; g < keys; ++g) {
    const size_t original = static_cast<size_t>(firsts[g]);
    for (size_t q = 0; q < kRows; ++q) out[q * keys + g] = sums[q][original];
  }
  const Further* end = further_.data() + further_begin_[b + 1];
  for (const Further* further = further_.data() + further_begin_[b]; further != end; ++further) {
    const size_t original = static_cast<size_t>(further->original), group = static_cast<size_t>(further->group);
    for (size_t q = 0; q < kRows; ++q) out[q * keys + group] += sums[q][original];
  }
}

void MergedBias::fill(size_t b, size_t h, size_t first, size_t count, float* out, float* scratch) const {
  const size_t base = static_cast<size_t>(offsets_[b]);
  const size_t keys = static_cast<size_t>(offsets_[b + 1]) - base;
  const size_t length = originals(b);
  const float* toeplitz = nullptr;
  if (runs_.consecutive(b)) {
    // Distances from -(length - 1) to length - 1: the row of original i begins at length - 1 - i.
    bias_.fill(h, 1 - static_cast<int64_t>(length), 2 * length - 1, scratch);
    toeplitz = scratch;
  }
  float* rows = scratch + 2 * length;
  for (size_t i = first; i < first + count; i += kTogether) {
    const float* sums[kTogether];
    const size_t together = std::min(kTogether, first + count - i);
    for (size_t q = 0; q < together; ++q) {
      sums[q] = sum_of_members(b, h, i + q, toeplitz, rows + q * length, rows + kTogether * length);
    }
    if (together == kTogether) {
      sum_over_keys<kTogether>(b, sums, out, keys);
    } else {
      for (size_t q = 0; q < together; ++q) sum_over_keys<1>(b, sums + q, out + q * keys, keys);
    }
    for (size_t q = 0; q < together; ++q, out += keys) {
      kernels_.mul_f32(out, shares_.data() + base, out, keys);
      const float share = shares_[base + i + q];
      if (share != 1.0f) kernels_.scale_shift_f32(out, share, 0.0f, out, keys);
    }
  }
}

}  // namespace tidemerge
