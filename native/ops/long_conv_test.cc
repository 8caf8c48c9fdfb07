#include "ops/long_conv.h"

#include "kernels/fft/fft_plan.h"
#include "kernels/fft/fft_reference.h"
#include "ops/op_run.h"

namespace tidemerge {
namespace {

using namespace testing;

OpAttributes attributes(int channels, int column, double bytes) {
  const double at = column;
  return {{"channels", static_cast<double>(channels)},
          {"xColumn", at},
          {"preColumn", at},
          {"postColumn", at},
          {"spectrumBytes", bytes}};
}

Weight weight_of(const Context& context, const Tensor& tensor) {
  return Weight(context, "filter", WeightKind::kVector, WeightType::kF32, tensor.rows(), tensor.cols(),
                tensor.data<float>(), nullptr);
}

TEST(long_conv_of_ragged_batches) {
  for_each_context([](const Context& context) {
    Random random(5);
    constexpr int kChannels = 37, kColumn = 3;
    const std::vector<int32_t> ends = {0, 70, 70, 71, 300, 364, 464};
    const Tensor x = random_floats(context, random, 464, kChannels + 5);
    const Tensor pre = random_floats(context, random, 464, kChannels + 4);
    const Tensor post = random_floats(context, random, 464, kChannels + 3);
    const Tensor filter = random_floats(context, random, 229, kChannels);
    const Tensor skip = random_floats(context, random, kChannels, 1);
    const Tensor offsets = ints(context, ends);
    const OpRun run(context, long_conv_operator(), attributes(kChannels, kColumn, 1 << 20),
                    {x, filter, offsets, skip, pre, post});
    for (size_t s = 0; s + 1 < ends.size(); ++s) {
      TRACE("series %zu", s);
      const auto begin = static_cast<size_t>(ends[s]), length = static_cast<size_t>(ends[s + 1] - ends[s]);
      const FftPlanOwner plan(fft_size(length));
      for (size_t ch = 0; ch < kChannels; ch += 5) {
        const auto at = [&](const Tensor& t) {
          return reference::column(t.data<float>() + begin * t.cols() + kColumn, length,
                                   static_cast<ptrdiff_t>(t.cols()), ch);
        };
        std::vector<double> u = at(x), gate = at(pre), after = at(post);
        for (size_t t = 0; t < length; ++t) u[t] = static_cast<float>(u[t] * gate[t]);
        const auto k = reference::column(filter.data<float>(), filter.rows(), kChannels, ch);
        const double bound = reference::transform_error(plan.plan(), reference::norms(u, plan.plan().size),
                                                        reference::norms(k, plan.plan().size));
        for (size_t t = 0; t < length; ++t) {
          const double own = skip.data<float>()[ch] * u[t], sum = reference::causal_sum(k, u, t) + own;
          const double error = bound + 0x1p-22 * (std::fabs(sum) + std::fabs(own));
          EXPECT_NEAR(run.f32(0, begin + t, ch), sum * after[t], error * std::fabs(after[t]));
        }
      }
    }
  });
}

// A filter that is long enough gives the same bits as a weight, whether there is room for its spectra or not.
TEST(long_conv_keeps_spectra_of_weights) {
  with_context([](const Context& context) {
    Random random(6);
    const Tensor x = random_floats(context, random, 1000, 20);
    const Tensor filter = random_floats(context, random, 144, 20);
    const Weight weight = weight_of(context, filter);
    const Tensor offsets = ints(context, {0, 128, 272, 416, 672, 1000});
    const size_t one = fft_size(144) * 2 * kFftPoint * sizeof(float);
    const OpRun none(context, long_conv_operator(), attributes(20, 0, 0), {x, weight, offsets});
    for (const size_t bytes : {one - 1, one, 3 * one, size_t{1} << 30}) {
      TRACE("%zu bytes", bytes);
      const OpRun some(context, long_conv_operator(), attributes(20, 0, static_cast<double>(bytes)),
                       {x, weight, offsets});
      EXPECT_TRUE(same_bytes(some.out(0), none.out(0)));
    }
    const OpRun value(context, long_conv_operator(), attributes(20, 0, 0), {x, filter, offsets});
    EXPECT_TRUE(same_bytes(rows_of(context, value.out(0), 128, 416), rows_of(context, none.out(0), 128, 416)));
  });
}

TEST(long_conv_refuses_what_does_not_fit) {
  with_context([](const Context& context) {
    Random random(7);
    const Tensor x = random_floats(context, random, 5, 6);
    const Tensor short_x = random_floats(context, random, 4, 6);
    const Tensor filter = random_floats(context, random, 5, 6);
    const Tensor offsets = ints(context, {0, 5});
    const auto run = [&](int channels, int column, std::vector<OpInput> inputs) {
      return [=, &context] { OpRun(context, long_conv_operator(), attributes(channels, column, 0), inputs); };
    };
    EXPECT_ERROR(run(6, 1, {x, filter, offsets}), error_code::kInvalidShape, "long_conv: x: ");
    EXPECT_ERROR(run(5, 0, {x, filter, offsets}), error_code::kInvalidShape, "filter: ");
    EXPECT_ERROR(run(6, 0, {x, filter, offsets, x}), error_code::kInvalidShape, "skip: ");
    EXPECT_ERROR(run(6, 0, {x, filter, offsets, absent(), short_x}), error_code::kInvalidShape, "pre: ");
    EXPECT_ERROR(run(6, 0, {x, filter, offsets, absent(), absent(), short_x}), error_code::kInvalidShape, "post: ");
    EXPECT_ERROR(run(0, 0, {x, filter, offsets}), error_code::kInvalidArgument, "channels");
  });
}

}  // namespace
}  // namespace tidemerge
