#include "ops/merge_maps.h"

#include <cmath>
#include <cstring>

#include "kernels/kernel_set.h"
#include "kernels/merge/merge.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

const Tensor& map_input(const Call& call, size_t i, const char* name) {
  const Tensor& map = call.input(i, name, DType::kInt32);
  if (map.cols() != 1) call.shape_error(name, "shape [rows, 1]", shape_text(map));
  return map;
}

const int32_t* offsets_like(const Call& call, size_t i, const char* name, size_t rows, size_t batch) {
  size_t found = 0;
  const int32_t* offsets = call.offsets(i, name, rows, found);
  if (found != batch) call.shape_error(name, "shape " + shape_text(batch + 1, 1), shape_text(found + 1, 1));
  return offsets;
}

// The new row of the batch of every old one. Checks that places are below the new length of their series.
std::vector<int32_t> rows_of_map(const Call& call, const char* name, const int32_t* map, const int32_t* offsets,
                                 const int32_t* new_offsets, size_t batch) {
  std::vector<int32_t> rows(static_cast<size_t>(offsets[batch]));
  for (size_t b = 0; b < batch; ++b) {
    const int32_t length = new_offsets[b + 1] - new_offsets[b];
    for (size_t r = static_cast<size_t>(offsets[b]); r < static_cast<size_t>(offsets[b + 1]); ++r) {
      if (map[r] < 0 || map[r] >= length) {
        call.argument_error(name, "places below " + std::to_string(length) + " in series " + std::to_string(b),
                            std::to_string(map[r]));
      }
      rows[r] = new_offsets[b] + map[r];
    }
  }
  return rows;
}

class UnmergeTokens final : public Operator {
 public:
  explicit UnmergeTokens(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& tokens = call.input(0, "tokens", DType::kFloat32);
    size_t batch = 0;
    const int32_t* merged_offsets = call.offsets(1, "mergedOffsets", tokens.rows(), batch);
    const Tensor& map = map_input(call, 2, "map");
    const int32_t* offsets = offsets_like(call, 3, "offsets", map.rows(), batch);
    const auto rows = rows_of_map(call, "map", map.data<int32_t>(), offsets, merged_offsets, batch);
    const size_t channels = tokens.cols();
    float* out = call.output(0, DType::kFloat32, map.rows(), channels).data<float>();
    if (channels == 0) return;
    for_ranges(call, rows.size(), channels, [&](size_t begin, size_t end, int) {
      for (size_t r = begin; r < end; ++r) {
        std::memcpy(out + r * channels, tokens.data<float>() + static_cast<size_t>(rows[r]) * channels,
                    channels * sizeof(float));
      }
    });
  }
};

class ComposeMaps final : public Operator {
 public:
  explicit ComposeMaps(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& first = map_input(call, 0, "first");
    size_t batch = 0;
    const int32_t* offsets = call.offsets(1, "offsets", first.rows(), batch);
    const Tensor& second = map_input(call, 2, "second");
    const int32_t* second_offsets = offsets_like(call, 3, "secondOffsets", second.rows(), batch);
    const auto rows = rows_of_map(call, "first", first.data<int32_t>(), offsets, second_offsets, batch);
    int32_t* out = call.output(0, DType::kInt32, first.rows(), 1).data<int32_t>();
    for (size_t r = 0; r < rows.size(); ++r) out[r] = second.data<int32_t>()[rows[r]];
  }
};

class ReduceByMap final : public Operator {
 public:
  explicit ReduceByMap(const Attributes& attributes)
      : reduce_(static_cast<Reduce>(attributes.choice("reduce", {"mean", "sum", "first"}))) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    const int32_t* map = call.input(1, "map", DType::kInt32, x.rows(), 1).data<int32_t>();
    size_t batch = 0;
    const int32_t* offsets = call.offsets(2, "offsets", x.rows(), batch);
    const float* sizes = call.has(3) ? call.input(3, "sizes", DType::kFloat32, x.rows(), 1).data<float>() : nullptr;
    for (size_t r = 0; sizes != nullptr && r < x.rows(); ++r) {
      if (!(sizes[r] > 0.0f && std::isfinite(sizes[r]))) {
        call.argument_error("sizes", "finite numbers above 0", std::to_string(sizes[r]));
      }
    }
    const auto new_offsets = lengths_of_map(call, map, offsets, batch);
    const auto rows = rows_of_map(call, "map", map, offsets, new_offsets.data(), batch);
    const auto members = members_of(call, rows, static_cast<size_t>(new_offsets[batch]));
    write(call, x, sizes, members);
  }

 private:
  enum Reduce { kMean, kSum, kFirst };

  static std::vector<int32_t> lengths_of_map(const Call& call, const int32_t* map, const int32_t* offsets,
                                             size_t batch) {
    std::vector<int32_t> out(batch + 1, 0);
    for (size_t b = 0; b < batch; ++b) {
      const int32_t length = offsets[b + 1] - offsets[b];
      int32_t rows = 0;
      for (size_t r = static_cast<size_t>(offsets[b]); r < static_cast<size_t>(offsets[b + 1]); ++r) {
        if (map[r] < 0 || map[r] >= length) {
          call.argument_error("map", "places below " + std::to_string(length) + " in series " + std::to_string(b),
                              std::to_string(map[r]));
        }
        rows = map[r] + 1 > rows ? map[r] + 1 : rows;
      }
      out[b + 1] = out[b] + rows;
    }
    return out;
  }

  // Old rows by new row, ascending.
  struct Members {
    std::vector<size_t> begin;
    std::vector<int32_t> rows;
  };

  static Members members_of(const Call& call, const std::vector<int32_t>& rows, size_t count) {
    Members members{std::vector<size_t>(count + 1, 0), std::vector<int32_t>(rows.size())};
    for (const int32_t row : rows) ++members.begin[static_cast<size_t>(row) + 1];
    for (size_t row = 0; row < count; ++row) {
      if (members.begin[row + 1] == 0) {
        call.argument_error("map", "every place up to the largest of a series", "none of row " + std::to_string(row));
      }
      members.begin[row + 1] += members.begin[row];
    }
    std::vector<size_t> at(members.begin.begin(), members.begin.end() - 1);
    for (size_t r = 0; r < rows.size(); ++r) {
      members.rows[at[static_cast<size_t>(rows[r])]++] = static_cast<int32_t>(r);
    }
    return members;
  }

  void write(Call& call, const Tensor& x, const float* sizes, const Members& members) const {
    const size_t count = members.begin.size() - 1, channels = x.cols();
    float* out = call.output(0, DType::kFloat32, count, channels).data<float>();
    for_ranges(call, count, 2 * channels, [&](size_t begin, size_t end, int) {
      std::vector<const float*> rows;
      std::vector<float> shares;
      for (size_t row = begin; row < end; ++row) {
        rows.clear();
        shares.clear();
        double weight = 0;
        const size_t last = reduce_ == kFirst ? members.begin[row] + 1 : members.begin[row + 1];
        for (size_t m = members.begin[row]; m < last; ++m) {
          const size_t r = static_cast<size_t>(members.rows[m]);
          rows.push_back(x.data<float>() + r * channels);
          shares.push_back(reduce_ == kMean && sizes != nullptr ? sizes[r] : 1.0f);
          weight += static_cast<double>(shares.back());
        }
        if (rows.size() == 1) {
          if (channels != 0) std::memcpy(out + row * channels, rows[0], channels * sizeof(float));
          continue;
        }
        for (float& share : shares) {
          if (reduce_ == kMean) share = static_cast<float>(static_cast<double>(share) / weight);
        }
        call.kernels().merge->weighted_sum(rows.data(), shares.data(), rows.size(), channels, out + row * channels);
      }
    });
  }

  Reduce reduce_;
};

}  // namespace

const OperatorInfo& unmerge_tokens_operator() {
  static const OperatorInfo info{"unmerge_tokens", 4, 4, 1, create<UnmergeTokens>};
  return info;
}

const OperatorInfo& compose_maps_operator() {
  static const OperatorInfo info{"compose_maps", 4, 4, 1, create<ComposeMaps>};
  return info;
}

const OperatorInfo& reduce_by_map_operator() {
  static const OperatorInfo info{"reduce_by_map", 3, 4, 1, create<ReduceByMap>};
  return info;
}

}  // namespace tidemerge
