#include "ops/causal_conv1d.h"

#include "kernels/conv1d/conv1d.h"
#include "kernels/conv1d/conv1d_reference.h"
#include "ops/op_run.h"

namespace tidemerge {
namespace {

using namespace testing;

OpAttributes attributes(int channels, int width, int column, const char* activation) {
  return {{"channels", static_cast<double>(channels)},
          {"width", static_cast<double>(width)},
          {"xColumn", static_cast<double>(column)},
          {"activation", std::string(activation)}};
}

TEST(causal_conv1d_of_ragged_batches) {
  for_each_context([](const Context& context) {
    Random random(5);
    const std::vector<int32_t> ends = {0, 13, 13, 14, 90};
    for (int width : {1, 4, 6}) {
      constexpr int kChannels = 150, kColumn = 3;
      const auto before = static_cast<size_t>(width - 1);
      const Tensor x = random_floats(context, random, 90, kChannels + 5);
      const Tensor weight = random_floats(context, random, kChannels, static_cast<size_t>(width));
      const Tensor bias = random_floats(context, random, kChannels, 1);
      const Tensor first = random_floats(context, random, 4, kChannels * before);
      const Tensor offsets = ints(context, ends);
      const OpRun run(context, causal_conv1d_operator(), attributes(kChannels, width, kColumn, "silu"),
                      {x, weight, offsets, bias, first});
      for (size_t s = 0; s < 4; ++s) {
        TRACE("width %d, series %zu", width, s);
        const auto begin = static_cast<size_t>(ends[s]);
        ConvArgs args{};
        args.length = static_cast<size_t>(ends[s + 1]) - begin, args.width = static_cast<size_t>(width);
        args.x = x.data<float>() + begin * x.cols() + kColumn, args.x_stride = static_cast<ptrdiff_t>(x.cols());
        args.weight = weight.data<float>(), args.bias = bias.data<float>(), args.silu = true;
        args.first = first.data<float>() + s * kChannels * before;
        for (size_t ch = 0; ch < kChannels; ++ch) {
          for (size_t t = 0; t < args.length; ++t) {
            const reference::ConvResult expected = reference::causal_conv(args, t, ch, 0x1p-23);
            EXPECT_NEAR(run.f32(0, begin + t, ch), expected.value, expected.error);
          }
          for (size_t i = 0; i < before; ++i) {
            EXPECT_EQ(static_cast<double>(run.f32(1, s, ch * before + i)),
                      reference::conv_input(args, args.length + i, ch));
          }
        }
      }
    }
  });
}

TEST(causal_conv1d_refuses_what_does_not_fit) {
  with_context([](const Context& context) {
    Random random(6);
    const Tensor x = random_floats(context, random, 5, 6);
    const Tensor weight = random_floats(context, random, 6, 4);
    const Tensor offsets = ints(context, {0, 5});
    const auto run = [&](int channels, int column, const char* activation, std::vector<OpInput> inputs) {
      return [=, &context] {
        OpRun(context, causal_conv1d_operator(), attributes(channels, 4, column, activation), inputs);
      };
    };
    EXPECT_ERROR(run(6, 1, "none", {x, weight, offsets}), error_code::kInvalidShape, "causal_conv1d: x: ");
    EXPECT_ERROR(run(5, 0, "none", {x, weight, offsets}), error_code::kInvalidShape, "weight: ");
    EXPECT_ERROR(run(6, 0, "none", {x, weight, offsets, weight}), error_code::kInvalidShape, "bias: ");
    EXPECT_ERROR(run(6, 0, "none", {x, weight, offsets, absent(), weight}), error_code::kInvalidShape,
                 "initialState: ");
    EXPECT_ERROR(run(6, 0, "gelu", {x, weight, offsets}), error_code::kInvalidArgument, "activation");
    EXPECT_ERROR(run(0, 0, "none", {x, weight, offsets}), error_code::kInvalidArgument, "channels");
  });
}

}  // namespace
}  // namespace tidemerge
