#include "ops/causal_conv1d.h"

#include <algorithm>

#include "kernels/conv1d/conv1d.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

class CausalConv1d final : public Operator {
 public:
  explicit CausalConv1d(const Attributes& attributes)
      : channels_(static_cast<size_t>(attributes.integer_in("channels", 1, INT32_MAX))),
        width_(static_cast<size_t>(attributes.integer_in("width", 1, INT32_MAX))),
        x_column_(static_cast<size_t>(attributes.integer_in("xColumn", 0, INT32_MAX))),
        silu_(attributes.choice("activation", {"none", "silu"}) == 1) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    expect_columns_up_to(call, x, "x", x_column_ + channels_);
    const float* weight = call.input(1, "weight", DType::kFloat32, channels_, width_).data<float>();
    size_t batch = 0;
    const int32_t* offsets = call.offsets(2, "offsets", x.rows(), batch);
    const float* bias = optional_vector_input(call, 3, "bias", channels_);
    const size_t before = width_ - 1;
    const float* first =
        call.has(4) ? call.input(4, "initialState", DType::kFloat32, batch, channels_ * before).data<float>() : nullptr;
    float* y = call.output(0, DType::kFloat32, x.rows(), channels_).data<float>();
    float* last = call.output(1, DType::kFloat32, batch, channels_ * before).data<float>();

    const size_t blocks = (channels_ + kConvChannels - 1) / kConvChannels;
    const Scratch scratch = call.scratch(conv_scratch(width_) * sizeof(float));
    const size_t steps = x.rows() / std::max(batch, size_t{1}) * std::min(channels_, kConvChannels) * (width_ + 1);
    for_each_index(call, batch * blocks, steps, [&](size_t index, int thread) {
      const size_t series = index / blocks;
      const size_t channel = index % blocks * kConvChannels;
      const auto row = static_cast<size_t>(offsets[series]);
      const size_t state = (series * channels_ + channel) * before;
      ConvArgs args{};
      args.length = static_cast<size_t>(offsets[series + 1]) - row;
      args.channels = std::min(kConvChannels, channels_ - channel);
      args.width = width_;
      args.x = x.data<float>() + row * x.cols() + x_column_ + channel;
      args.x_stride = static_cast<ptrdiff_t>(x.cols());
      args.weight = weight + channel * width_;
      args.bias = bias == nullptr ? nullptr : bias + channel;
      args.silu = silu_;
      args.first = first == nullptr ? nullptr : first + state;
      args.last = last + state;
      args.out = y + row * channels_ + channel;
      args.out_stride = static_cast<ptrdiff_t>(channels_);
      args.scratch = scratch.as<float>(thread);
      call.kernels().conv1d->causal_conv_f32(args);
    });
  }

 private:
  size_t channels_;
  size_t width_;
  size_t x_column_;
  bool silu_;
};

}  // namespace

const OperatorInfo& causal_conv1d_operator() {
  static const OperatorInfo info{"causal_conv1d", 3, 5, 2, create<CausalConv1d>};
  return info;
}

}  // namespace tidemerge
