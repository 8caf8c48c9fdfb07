#include "ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "ops/checks.h"
#include "ops/create.h"
#include "ops/distance_bias.h"
#include "ops/merged_bias.h"
#include "ops/packed_keys.h"
#include "ops/position_runs.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

// Queries of one block where the bias has to be laid out as a matrix: as many as the kernel takes at once, so that it
// stays in the cache next to the keys.
constexpr size_t kBiasRows = 24;

// Multiplications in the time of one step (ops/split.h).
constexpr size_t kProductsPerStep = 16;

size_t column_attribute(const Attributes& attributes, const char* name) {
  return static_cast<size_t>(attributes.integer_in(name, 0, INT32_MAX, 0));
}

size_t rows_of(const int32_t* offsets, size_t b) { return static_cast<size_t>(offsets[b + 1] - offsets[b]); }

size_t longest(const int32_t* offsets, size_t batch) {
  size_t rows = 0;
  for (size_t b = 0; b < batch; ++b) rows = std::max(rows, rows_of(offsets, b));
  return rows;
}

struct AttentionShape {
  explicit AttentionShape(const Attributes& attributes)
      : heads(static_cast<size_t>(attributes.integer_in("numHeads", 1, 1 << 16))),
        head_dim(static_cast<size_t>(attributes.integer_in("headDim", 1, 1 << 16))),
        scale(static_cast<float>(attributes.number("scale"))),
        causal(attributes.boolean("causal", false)),
        query_column(column_attribute(attributes, "queryColumn")),
        key_column(column_attribute(attributes, "keyColumn")),
        value_column(column_attribute(attributes, "valueColumn")),
        packed_keys(attributes.boolean("packedKeys", false)) {}

  size_t width() const { return heads * head_dim; }

  size_t heads;
  size_t head_dim;
  float scale;
  bool causal;
  size_t query_column;
  size_t key_column;
  size_t value_column;
  bool packed_keys;
};

// One execution: everything but the output is prepared by the constructor.
class AttentionRun {
 public:
  AttentionRun(Call& call, const AttentionShape& shape)
      : call_(call),
        shape_(shape),
        kernels_(*call.kernels().attention),
        q_(matrix_input(0, "q", shape.query_column)),
        k_(shape.packed_keys ? call.input(1, "k", DType::kFloat32) : matrix_input(1, "k", shape.key_column)),
        v_(matrix_input(2, "v", shape.value_column)),
        query_offsets_(call.offsets(3, "queryOffsets", q_.rows(), batch_)),
        key_offsets_(key_offsets_input()),
        query_positions_(positions_input(5, "queryPositions", q_.rows())),
        query_runs_(query_positions_, query_offsets_, batch_),
        key_positions_(positions_input(6, "keyPositions", v_.rows())),
        key_runs_(key_positions_, key_offsets_, batch_),
        distance_bias_(distance_bias_input(call, 7, shape.heads)),
        log_sizes_(log_key_sizes()),
        layout_(kernels_, key_offsets_, batch_, shape.heads, shape.head_dim),
        longest_queries_(longest(query_offsets_, batch_)),
        longest_keys_(longest(key_offsets_, batch_)) {
    expect_keys();
    if (call.has(9)) merged_.emplace(merged_bias());
    block_ = query_block();
    blocks_ = longest_queries_ == 0 ? 0 : (longest_queries_ + block_ - 1) / block_;
  }

  void run() {
    Tensor& out = call_.output(0, DType::kFloat32, q_.rows(), shape_.width());
    const size_t heads = batch_ * shape_.heads;
    const size_t steps_each = heads == 0 ? 0 : steps() / heads + 1;
    const Buffer packed = pack_for_all(steps_each);
    const float* keys = shape_.packed_keys ? k_.data<float>() : reinterpret_cast<const float*>(packed.data());

    const size_t key_floats =
        keys != nullptr ? 0 : PackedKeyLayout::head_floats(kernels_, longest_keys_, shape_.head_dim);
    const size_t bias_floats = (bias_floats_needed() + 15) / 16 * 16;
    const Scratch scratch = call_.scratch((key_floats + bias_floats) * sizeof(float) +
                                          kernels_.scratch_bytes(block_, longest_keys_, shape_.head_dim));
    for_each_index(call_, heads * blocks_, blocks_ == 0 ? 0 : steps_each / blocks_ + 1, [&](size_t index, int thread) {
      const size_t b = index / blocks_ / shape_.heads, h = index / blocks_ % shape_.heads;
      const size_t first = index % blocks_ * block_;
      const size_t queries = rows_of(query_offsets_, b);
      if (first >= queries) return;
      float* own_keys = scratch.as<float>(thread);
      if (keys == nullptr) pack(b, h, own_keys);
      AttentionArgs args = arguments(b, h, out);
      args.keys = keys == nullptr ? own_keys : keys + layout_.at(b, h);
      args.num_queries = std::min(block_, queries - first);
      float* bias = own_keys + key_floats;
      attend(b, h, args, first, bias, bias + bias_floats);
    });
  }

 private:
  const Tensor& matrix_input(size_t i, const char* name, size_t column) const {
    const Tensor& tensor = call_.input(i, name, DType::kFloat32);
    expect_columns_up_to(call_, tensor, name, column + shape_.width());
    return tensor;
  }

  const int32_t* positions_input(size_t i, const char* name, size_t rows) const {
    return call_.has(i) ? call_.input(i, name, DType::kInt32, rows, 1).data<int32_t>() : nullptr;
  }

  const int32_t* key_offsets_input() const {
    size_t batch = 0;
    const int32_t* offsets = call_.offsets(4, "keyOffsets", v_.rows(), batch);
    if (batch != batch_)
      call_.shape_error("keyOffsets", "shape " + shape_text(batch_ + 1, 1), shape_text(batch + 1, 1));
    return offsets;
  }

  void expect_keys() const {
    if (shape_.packed_keys && (k_.rows() != 1 || k_.cols() != layout_.floats())) {
      call_.shape_error("k", "the packed keys of the same offsets and heads, " + shape_text(1, layout_.floats()),
                        shape_text(k_));
    }
    if (!shape_.packed_keys && k_.rows() != v_.rows()) {
      call_.shape_error("k", "shape [" + std::to_string(v_.rows()) + ", *] like v", shape_text(k_));
    }
  }

  // Groups stand for the positions of queries and keys alike, and have no order.
  MergedBias merged_bias() const {
    if (distance_bias_.table == nullptr) call_.argument_error("groups", "a distanceBias with groups", "none");
    if (shape_.causal) call_.argument_error("groups", "causal: false with groups", "true");
    if (query_positions_ != nullptr || key_positions_ != nullptr) {
      call_.argument_error("groups", "groupPositions instead of queryPositions and keyPositions", "those");
    }
    for (size_t b = 0; b <= batch_; ++b) {
      if (query_offsets_[b] == key_offsets_[b]) continue;
      call_.argument_error("groups", "queries and keys that are the same tokens",
                           std::to_string(query_offsets_[b]) + " and " + std::to_string(key_offsets_[b]) +
                               " rows up to series " + std::to_string(b));
    }
    return MergedBias(call_, 9, query_offsets_, batch_, distance_bias_);
  }

  Buffer log_key_sizes() const {
    if (!call_.has(8)) return {};
    const float* sizes = call_.input(8, "keySizes", DType::kFloat32, v_.rows(), 1).data<float>();
    Buffer buffer = call_.buffers().allocate(v_.rows() * sizeof(float));
    float* out = reinterpret_cast<float*>(buffer.data());
    for (size_t r = 0; r < v_.rows(); ++r) out[r] = std::log(sizes[r]);
    return buffer;
  }

  // Of the whole call; see ops/split.h.
  size_t steps() const {
    size_t pairs = 0;
    for (size_t b = 0; b < batch_; ++b) pairs += rows_of(query_offsets_, b) * rows_of(key_offsets_, b);
    return pairs * shape_.heads * (2 * shape_.head_dim + kProductsPerStep) / kProductsPerStep;
  }

  // All queries of a series and head at once, unless that leaves threads idle.
  size_t query_block() const {
    constexpr size_t kSmallest = 16;
    const size_t threads = static_cast<size_t>(call_.threads().threads());
    const size_t wanted = threads == 1 ? 1 : 4 * threads;
    const size_t heads = batch_ * shape_.heads;
    if (heads == 0 || heads >= wanted || steps() < 2 * kStepsWorthAThread) return std::max<size_t>(longest_queries_, 1);
    const size_t blocks = (wanted + heads - 1) / heads;
    return std::max(kSmallest, (longest_queries_ + blocks - 1) / blocks);
  }

  // Keys that several blocks read are packed before, in memory all threads see. Otherwise whoever reads them packs
  // them, in memory that stays in its cache.
  Buffer pack_for_all(size_t steps_each) const {
    if (shape_.packed_keys || blocks_ <= 1) return {};
    Buffer buffer = call_.buffers().allocate(layout_.floats() * sizeof(float));
    float* packed = reinterpret_cast<float*>(buffer.data());
    for_each_index(call_, batch_ * shape_.heads, steps_each, [&](size_t index, int) {
      const size_t b = index / shape_.heads, h = index % shape_.heads;
      pack(b, h, packed + layout_.at(b, h));
    });
    return buffer;
  }

  void pack(size_t b, size_t h, float* packed) const {
    const float* k = k_.data<float>() + static_cast<size_t>(key_offsets_[b]) * k_.cols() + shape_.key_column;
    kernels_.pack_keys(k + h * shape_.head_dim, static_cast<ptrdiff_t>(k_.cols()), rows_of(key_offsets_, b),
                       shape_.head_dim, packed, 0);
  }

  bool positions_matter() const { return shape_.causal || distance_bias_.table != nullptr; }
  bool consecutive(size_t b) const { return !merged_ && query_runs_.consecutive(b) && key_runs_.consecutive(b); }

  size_t bias_floats_needed() const {
    if (!positions_matter()) return 0;
    if (merged_) return kBiasRows * longest_keys_ + merged_->scratch_floats();
    for (size_t b = 0; b < batch_; ++b) {
      if (!consecutive(b)) return block_ + kBiasRows * longest_keys_;
    }
    return block_ + longest_keys_;
  }

  // Everything but the keys and the bias.
  AttentionArgs arguments(size_t b, size_t h, Tensor& out) const {
    const size_t query = static_cast<size_t>(query_offsets_[b]);
    const size_t key = static_cast<size_t>(key_offsets_[b]);
    AttentionArgs args{};
    args.q = q_.data<float>() + query * q_.cols() + shape_.query_column + h * shape_.head_dim;
    args.q_stride = static_cast<ptrdiff_t>(q_.cols());
    args.values = v_.data<float>() + key * v_.cols() + shape_.value_column + h * shape_.head_dim;
    args.value_stride = static_cast<ptrdiff_t>(v_.cols());
    args.num_keys = rows_of(key_offsets_, b);
    args.head_dim = shape_.head_dim;
    args.scale = shape_.scale;
    args.key_bias = log_sizes_ ? reinterpret_cast<const float*>(log_sizes_.data()) + key : nullptr;
    args.causal_offset = kNotCausal;
    args.out = out.data<float>() + query * out.cols() + h * shape_.head_dim;
    args.out_stride = static_cast<ptrdiff_t>(out.cols());
    return args;
  }

  // The queries of a series and head from `first` on, as many as args says.
  void attend(size_t b, size_t h, AttentionArgs args, size_t first, float* bias, void* scratch) const {
    args.q += static_cast<ptrdiff_t>(first) * args.q_stride;
    args.out += static_cast<ptrdiff_t>(first) * args.out_stride;
    if (positions_matter() && args.num_keys != 0) {
      if (!consecutive(b)) return attend_by_rows(b, h, args, first, bias, scratch);
      const int64_t query = query_runs_.begin(b)->first + static_cast<int64_t>(first);
      const int64_t key = key_runs_.begin(b)->first;
      if (shape_.causal) args.causal_offset = query - key;
      if (distance_bias_.table != nullptr) {
        // The bias depends on j - i only: one row, which each next query reads from one place earlier.
        const size_t others = args.num_queries - 1;
        distance_bias_.fill(h, key - query - static_cast<int64_t>(others), others + args.num_keys, bias);
        args.bias = bias + others;
        args.bias_row_stride = -1;
      }
    }
    kernels_.attend(args, scratch);
  }

  // Positions with gaps and merged tokens: the bias is laid out as a matrix, a few queries at a time.
  void attend_by_rows(size_t b, size_t h, AttentionArgs args, size_t first, float* bias, void* scratch) const {
    const size_t last = first + args.num_queries;
    for (size_t begin = first; begin < last; begin += kBiasRows) {
      args.num_queries = std::min(kBiasRows, last - begin);
      bias_of_queries(b, h, begin, args.num_queries, args.num_keys, bias);
      args.bias = bias;
      args.bias_row_stride = static_cast<ptrdiff_t>(args.num_keys);
      kernels_.attend(args, scratch);
      args.q += static_cast<ptrdiff_t>(args.num_queries) * args.q_stride;
      args.out += static_cast<ptrdiff_t>(args.num_queries) * args.out_stride;
    }
  }

  // Rows of `keys` numbers.
  void bias_of_queries(size_t b, size_t h, size_t first, size_t count, size_t keys, float* out) const {
    if (merged_) return merged_->fill(b, h, first, count, out, out + kBiasRows * keys);
    for (size_t i = first; i < first + count; ++i, out += keys) {
      const size_t row = static_cast<size_t>(query_offsets_[b]) + i;
      bias_of_query(b, h, query_positions_ == nullptr ? static_cast<int64_t>(i) : query_positions_[row], keys, out);
    }
  }

  void bias_of_query(size_t b, size_t h, int64_t query, size_t keys, float* out) const {
    if (distance_bias_.table != nullptr) {
      const int32_t* positions = key_positions_ == nullptr ? nullptr : key_positions_ + key_offsets_[b];
      distance_bias_.fill_row(h, key_runs_.begin(b), key_runs_.end(b), positions, keys, query, out);
    } else {
      std::fill_n(out, keys, 0.0f);
    }
    if (!shape_.causal) return;
    for (const PositionRuns::Run* run = key_runs_.begin(b); run != key_runs_.end(b); ++run) {
      const int64_t seen = std::clamp<int64_t>(query - run->first + 1, 0, static_cast<int64_t>(run->count));
      float* begin = out + run->row;
      std::fill(begin + seen, begin + run->count, -std::numeric_limits<float>::infinity());
    }
  }

  Call& call_;
  const AttentionShape& shape_;
  const AttentionKernels& kernels_;
  const Tensor& q_;
  const Tensor& k_;
  const Tensor& v_;
  size_t batch_ = 0;
  const int32_t* query_offsets_;
  const int32_t* key_offsets_;
  const int32_t* query_positions_;  // or null
  PositionRuns query_runs_;
  const int32_t* key_positions_;  // or null
  PositionRuns key_runs_;
  DistanceBias distance_bias_;
  std::optional<MergedBias> merged_;
  Buffer log_sizes_;
  PackedKeyLayout layout_;
  size_t longest_queries_;
  size_t longest_keys_;
  size_t block_ = 1;   // queries given to the kernel at once
  size_t blocks_ = 0;  // of them in the longest series
};

class Attention final : public Operator {
 public:
  explicit Attention(const Attributes& attributes) : shape_(attributes) {}
  void run(Call& call) const override { AttentionRun(call, shape_).run(); }

 private:
  AttentionShape shape_;
};

class PackKeys final : public Operator {
 public:
  explicit PackKeys(const Attributes& attributes)
      : heads_(static_cast<size_t>(attributes.integer_in("numHeads", 1, 1 << 16))),
        head_dim_(static_cast<size_t>(attributes.integer_in("headDim", 1, 1 << 16))),
        key_column_(column_attribute(attributes, "keyColumn")) {}

  void run(Call& call) const override {
    const Tensor& k = call.input(0, "k", DType::kFloat32);
    expect_columns_up_to(call, k, "k", key_column_ + heads_ * head_dim_);
    size_t batch = 0;
    const int32_t* offsets = call.offsets(1, "keyOffsets", k.rows(), batch);
    const AttentionKernels& kernels = *call.kernels().attention;
    const PackedKeyLayout layout(kernels, offsets, batch, heads_, head_dim_);
    float* packed = call.output(0, DType::kFloat32, 1, layout.floats()).data<float>();
    const size_t steps = batch == 0 ? 0 : k.rows() / batch * head_dim_;
    for_each_index(call, batch * heads_, steps, [&](size_t index, int) {
      const size_t b = index / heads_, h = index % heads_;
      const float* from = k.data<float>() + static_cast<size_t>(offsets[b]) * k.cols() + key_column_ + h * head_dim_;
      kernels.pack_keys(from, static_cast<ptrdiff_t>(k.cols()), rows_of(offsets, b), head_dim_,
                        packed + layout.at(b, h), 0);
    });
  }

 private:
  size_t heads_;
  size_t head_dim_;
  size_t key_column_;
};

}  // namespace

const OperatorInfo& attention_operator() {
  static const OperatorInfo info{"attention", 5, 12, 1, create<Attention>};
  return info;
}

const OperatorInfo& pack_keys_operator() {
  static const OperatorInfo info{"pack_keys", 2, 2, 1, create<PackKeys>};
  return info;
}

}  // namespace tidemerge
