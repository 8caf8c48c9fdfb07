#include "ops/window_attention.h"

#include <algorithm>
#include <cstring>

#include "kernels/window_attention/window_attention.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

// Multiplications in the time of one step (ops/split.h).
constexpr size_t kProductsPerStep = 16;

// Steps that are kept. When the last place is taken, those of the window move to the front, once in past + 1 steps.
// keyState: a row per channel, a column per place. valueState: a row per place.
struct Kept {
  float* keys;
  size_t key_stride;
  float* values;
  size_t value_stride;
};

class WindowAttention final : public Operator {
 public:
  explicit WindowAttention(const Attributes& attributes)
      : heads_(static_cast<size_t>(attributes.integer_in("numHeads", 1, 1 << 16))),
        head_dim_(static_cast<size_t>(attributes.integer_in("headDim", 1, 1 << 16))),
        scale_(static_cast<float>(attributes.number("scale"))),
        past_(static_cast<size_t>(attributes.integer_in("past", 0, 1 << 29))),
        query_column_(static_cast<size_t>(attributes.integer_in("queryColumn", 0, INT32_MAX, 0))),
        key_column_(static_cast<size_t>(attributes.integer_in("keyColumn", 0, INT32_MAX, 0))),
        value_column_(static_cast<size_t>(attributes.integer_in("valueColumn", 0, INT32_MAX, 0))) {}

  void run(Call& call) const override {
    const size_t width = heads_ * head_dim_;
    const float* q = row_input(call, 0, "q", query_column_, 0);
    const float* k = row_input(call, 1, "k", key_column_, 1);
    const float* v = row_input(call, 2, "v", value_column_, 1);
    const size_t place = static_cast<size_t>(call.scalar(5, "place", 0));
    if (place > places()) {
      call.argument_error("place", "at most " + std::to_string(places()), std::to_string(place));
    }
    const Kept kept = states(call, place, width);
    float* out = call.output(0, DType::kFloat32, 2, width).data<float>();
    const size_t count = std::min(place, past_);
    const Scratch scratch = call.scratch((count + kWindowSlack) * sizeof(float));
    const size_t at = place == places() ? move_to_front(kept, width) : place;

    for_ranges(call, heads_, count * 2 * head_dim_ / kProductsPerStep, [&](size_t begin, size_t end, int thread) {
      for (size_t h = begin; h < end; ++h) {
        WindowAttentionArgs args{};
        args.q = q + h * head_dim_;
        args.keys = kept.keys + h * head_dim_ * kept.key_stride + (at - count);
        args.key_stride = kept.key_stride;
        args.values = kept.values + (at - count) * kept.value_stride + h * head_dim_;
        args.value_stride = kept.value_stride;
        args.count = count;
        args.head_dim = head_dim_;
        args.scale = scale_;
        args.out = out + h * head_dim_;
        call.kernels().window_attention->attend(args, scratch.as<float>(thread));
      }
    });
    std::memcpy(out + width, v, width * sizeof(float));
    for (size_t c = 0; c < width; ++c) kept.keys[c * kept.key_stride + at] = k[c];
    std::memcpy(kept.values + at * kept.value_stride, v, width * sizeof(float));
  }

 private:
  // Of the two rows of input i.
  const float* row_input(const Call& call, size_t i, const char* name, size_t column, size_t row) const {
    const Tensor& tensor = call.input(i, name, DType::kFloat32);
    expect_columns_up_to(call, tensor, name, column + heads_ * head_dim_);
    if (tensor.rows() != 2) call.shape_error(name, "shape [2, *]", shape_text(tensor));
    return tensor.data<float>() + row * tensor.cols() + column;
  }

  // As few as leave what moves to the front where it was until the next step.
  size_t places() const { return 2 * past_ + 1; }

  Kept states(Call& call, size_t place, size_t width) const {
    Tensor& keys = call.state(3, "keyState").tensor;
    Tensor& values = call.state(4, "valueState").tensor;
    if (&keys == &values) call.argument_error("keyState", "a state of its own", "that of the values");
    for (size_t i = 0; i < 3; ++i) {
      const Tensor& input = call.input(i, "input");
      if (&input == &keys || &input == &values) {
        call.argument_error("keyState", "a state of its own", "one that is an input too");
      }
    }
    const size_t key_stride = key_stride_of(places()), value_stride = width + kWindowSlack;
    make(call, keys, "keyState", place, width, key_stride);
    make(call, values, "valueState", place, places(), value_stride);
    return {keys.data<float>(), key_stride, values.data<float>(), value_stride};
  }

  static void make(Call& call, Tensor& state, const char* name, size_t place, size_t rows, size_t cols) {
    if (place == 0) {
      state.resize(call.buffers(), DType::kFloat32, rows, cols);
      std::memset(state.raw(), 0, state.bytes());
    } else if (state.dtype() != DType::kFloat32 || state.rows() != rows || state.cols() != cols) {
      call.shape_error(name, "the state that place 0 made, " + shape_text(rows, cols), shape_text(state));
    }
  }

  // Not a multiple of 256 bytes or so: columns would fall on few sets of a cache.
  static size_t key_stride_of(size_t places) { return (places + kWindowSlack) / 64 * 64 + 80; }

  // Gives the place behind them.
  size_t move_to_front(const Kept& kept, size_t width) const {
    const size_t from = places() - past_;
    for (size_t c = 0; c < width; ++c) {
      float* row = kept.keys + c * kept.key_stride;
      std::memcpy(row, row + from, past_ * sizeof(float));
    }
    for (size_t j = 0; j < past_; ++j) {
      std::memcpy(kept.values + j * kept.value_stride, kept.values + (from + j) * kept.value_stride,
                  width * sizeof(float));
    }
    return past_;
  }

  size_t heads_;
  size_t head_dim_;
  float scale_;
  size_t past_;
  size_t query_column_;
  size_t key_column_;
  size_t value_column_;
};

}  // namespace

const OperatorInfo& window_attention_operator() {
  static const OperatorInfo info{"window_attention", 6, 6, 1, create<WindowAttention>};
  return info;
}

}  // namespace tidemerge
