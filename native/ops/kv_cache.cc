#include "ops/kv_cache.h"

#include <cstring>
#include <initializer_list>

#include "kernels/attention/attention.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/distance_bias.h"
#include "ops/packed_keys.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

// Multiplications in the time of one step (ops/split.h).
constexpr size_t kProductsPerStep = 16;

// What the states hold. valueState: a row of values [capacity][headDim] per sequence and head. keyState: a row that
// begins with Cached, then a row of packed keys per sequence and head.
struct Cached {
  uint64_t rows;
  uint64_t capacity;
  uint64_t places;  // filled so far
};
static_assert(sizeof(Cached) <= BufferPool::kAlignment, "rows of keys are whole cache lines");

class CachedAttention final : public Operator {
 public:
  explicit CachedAttention(const Attributes& attributes)
      : heads_(static_cast<size_t>(attributes.integer_in("numHeads", 1, 1 << 16))),
        head_dim_(static_cast<size_t>(attributes.integer_in("headDim", 1, 1 << 16))),
        scale_(static_cast<float>(attributes.number("scale"))),
        query_column_(static_cast<size_t>(attributes.integer_in("queryColumn", 0, INT32_MAX, 0))),
        key_column_(static_cast<size_t>(attributes.integer_in("keyColumn", 0, INT32_MAX, 0))),
        value_column_(static_cast<size_t>(attributes.integer_in("valueColumn", 0, INT32_MAX, 0))) {}

  void run(Call& call) const override {
    const Tensor& q = rows_input(call, 0, "q", query_column_);
    const Tensor& k = rows_input(call, 1, "k", key_column_);
    const Tensor& v = rows_input(call, 2, "v", value_column_);
    const size_t rows = q.rows();
    expect_rows(call, k, "k", rows);
    expect_rows(call, v, "v", rows);
    const size_t step = static_cast<size_t>(call.scalar(5, "step", 0));
    const size_t capacity = static_cast<size_t>(call.scalar(6, "capacity", 1));
    if (step >= capacity) {
      call.argument_error("step", "a place below capacity " + std::to_string(capacity), std::to_string(step));
    }
    const AttentionKernels& kernels = *call.kernels().attention;
    const size_t key_floats = PackedKeyLayout::head_floats(kernels, capacity, head_dim_);
    const size_t value_floats = capacity * head_dim_;
    const size_t caches = rows * heads_;
    float* values = state(call, 4, "valueState", {&q, &k, &v}, step, caches, value_floats);
    float* header = state(call, 3, "keyState", {&q, &k, &v}, step, caches + 1, key_floats);
    float* keys = header + key_floats;
    if (step != 0) check_cached(call, header, {rows, capacity, step});
    const DistanceBias distance_bias = distance_bias_input(call, 7, heads_);
    const Buffer bias = bias_of_step(call, distance_bias, step);
    Tensor& out = call.output(0, DType::kFloat32, rows, heads_ * head_dim_);

    const Scratch scratch = call.scratch(kernels.scratch_bytes(1, step + 1, head_dim_));
    const size_t steps_each = (step + 8) * 2 * head_dim_ / kProductsPerStep;
    for_ranges(call, rows * heads_, steps_each, [&](size_t begin, size_t end, int thread) {
      for (size_t index = begin; index < end; ++index) {
        const size_t r = index / heads_, h = index % heads_;
        float* head_keys = keys + index * key_floats;
        float* head_values = values + index * value_floats;
        kernels.pack_keys(k.data<float>() + r * k.cols() + key_column_ + h * head_dim_, 0, 1, head_dim_, head_keys,
                          step);
        std::memcpy(head_values + step * head_dim_, v.data<float>() + r * v.cols() + value_column_ + h * head_dim_,
                    head_dim_ * sizeof(float));
        AttentionArgs args{};
        args.q = q.data<float>() + r * q.cols() + query_column_ + h * head_dim_;
        args.num_queries = 1;
        args.keys = head_keys;
        args.values = head_values;
        args.value_stride = static_cast<ptrdiff_t>(head_dim_);
        args.num_keys = step + 1;
        args.head_dim = head_dim_;
        args.scale = scale_;
        args.bias = bias_of_head(distance_bias, bias, h, step);
        args.causal_offset = kNotCausal;
        args.out = out.data<float>() + index * head_dim_;
        kernels.attend(args, scratch[thread]);
      }
    });
    const Cached cached{rows, capacity, step + 1};
    std::memcpy(header, &cached, sizeof cached);
  }

 private:
  const Tensor& rows_input(const Call& call, size_t i, const char* name, size_t column) const {
    const Tensor& tensor = call.input(i, name, DType::kFloat32);
    expect_columns_up_to(call, tensor, name, column + heads_ * head_dim_);
    return tensor;
  }

  static void expect_rows(const Call& call, const Tensor& tensor, const char* name, size_t rows) {
    if (tensor.rows() != rows)
      call.shape_error(name, "shape [" + std::to_string(rows) + ", *] like q", shape_text(tensor));
  }

  // The floats of a state of the right shape. Step 0 may move them, so no input may be one of the states.
  static float* state(Call& call, size_t i, const char* name, std::initializer_list<const Tensor*> inputs, size_t step,
                      size_t rows, size_t cols) {
    Tensor& tensor = call.state(i, name).tensor;
    for (const Tensor* input : inputs) {
      if (input == &tensor) call.argument_error(name, "a state of its own", "one that is an input too");
    }
    if (i == 3 && &tensor == &call.state(4, "valueState").tensor) {
      call.argument_error(name, "a state of its own", "that of the values");
    }
    if (step == 0) {
      tensor.resize(call.buffers(), DType::kFloat32, rows, cols);
    } else if (tensor.dtype() != DType::kFloat32 || tensor.rows() != rows || tensor.cols() != cols) {
      call.shape_error(name, "the cache that step 0 made, " + shape_text(rows, cols), shape_text(tensor));
    }
    return tensor.data<float>();
  }

  static void check_cached(const Call& call, const float* header, Cached expected) {
    Cached cached;
    std::memcpy(&cached, header, sizeof cached);
    if (cached.rows != expected.rows || cached.capacity != expected.capacity) {
      call.shape_error("keyState",
                       std::to_string(cached.rows) + " rows of " + std::to_string(cached.capacity) + " places",
                       std::to_string(expected.rows) + " rows of " + std::to_string(expected.capacity));
    }
    if (cached.places != expected.places) {
      call.argument_error("step", std::to_string(cached.places) + ", the first place that is empty",
                          std::to_string(expected.places));
    }
  }

  // The distances of places 0 … step are -step … 0. While they are in the table's reach the bias is a part of the
  // table; later it is laid out here, a row per head.
  Buffer bias_of_step(const Call& call, const DistanceBias& distance_bias, size_t step) const {
    if (distance_bias.table == nullptr || static_cast<int64_t>(step) <= distance_bias.reach) return {};
    Buffer buffer = call.buffers().allocate(heads_ * (step + 1) * sizeof(float));
    for (size_t h = 0; h < heads_; ++h) {
      distance_bias.fill(h, -static_cast<int64_t>(step), step + 1,
                         reinterpret_cast<float*>(buffer.data()) + h * (step + 1));
    }
    return buffer;
  }

  static const float* bias_of_head(const DistanceBias& distance_bias, const Buffer& laid_out, size_t h, size_t step) {
    if (distance_bias.table == nullptr) return nullptr;
    if (laid_out) return reinterpret_cast<const float*>(laid_out.data()) + h * (step + 1);
    return distance_bias.head(h) + (static_cast<size_t>(distance_bias.reach) - step);
  }

  size_t heads_;
  size_t head_dim_;
  float scale_;
  size_t query_column_;
  size_t key_column_;
  size_t value_column_;
};

}  // namespace

const OperatorInfo& cached_attention_operator() {
  static const OperatorInfo info{"cached_attention", 7, 8, 1, create<CachedAttention>};
  return info;
}

}  // namespace tidemerge
