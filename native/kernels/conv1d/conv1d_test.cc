#include "kernels/conv1d/conv1d.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/bf16.h"
#include "kernels/conv1d/conv1d_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

struct Case {
  size_t length, channels, width;
  bool bias = true, silu = true, first = true;
  size_t misalignment = 1, gap = 3;
};

struct Run {
  explicit Run(const Case& c)
      : stride(c.channels + c.gap),
        x(c.length == 0 ? 0 : (c.length - 1) * stride + c.channels, c.misalignment),
        out(x.size(), c.misalignment + 2),
        weight(c.channels * c.width, 1),
        bias(c.channels, 3),
        first(c.channels * (c.width - 1), 2),
        last(first.size(), 1),
        scratch(conv_scratch(c.width)) {
    Random random(c.length * 1000 + c.channels * 10 + c.width);
    for (auto* buffer : {&x, &weight, &bias, &first}) random.fill_normal(buffer->data(), buffer->size());
    const auto step = static_cast<ptrdiff_t>(stride);
    args = {.length = c.length,
            .channels = c.channels,
            .width = c.width,
            .x = x.data(),
            .x_stride = step,
            .weight = weight.data(),
            .bias = c.bias ? bias.data() : nullptr,
            .silu = c.silu,
            .first = c.first ? first.data() : nullptr,
            .last = last.data(),
            .out = out.data(),
            .out_stride = step,
            .scratch = scratch.data()};
  }
  bool intact() const {
    return x.intact() && out.intact() && weight.intact() && bias.intact() && first.intact() && last.intact() &&
           scratch.intact();
  }
  float y(size_t t, size_t channel) const { return out[t * stride + channel]; }

  size_t stride;
  GuardedBuffer<float> x, out, weight, bias, first, last, scratch;
  ConvArgs args;
};

void check(const KernelSet& set, const Case& c) {
  TRACE("length %zu, channels %zu, width %zu, bias %d, silu %d, first %d", c.length, c.channels, c.width, c.bias,
        c.silu, c.first);
  Run run(c);
  set.conv1d->causal_conv_f32(run.args);
  EXPECT_TRUE(run.intact());
  const double u = std::strcmp(set.name, "baseline") == 0 ? 0x1p-23 : 0x1p-24;
  for (size_t ch = 0; ch < c.channels; ++ch) {
    for (size_t t = 0; t < c.length; ++t) {
      const reference::ConvResult expected = reference::causal_conv(run.args, t, ch, u);
      EXPECT_NEAR(run.y(t, ch), expected.value, expected.error);
    }
    for (size_t i = 0; i + 1 < c.width; ++i) {
      EXPECT_EQ(static_cast<double>(run.last[ch * (c.width - 1) + i]),
                reference::conv_input(run.args, c.length + i, ch));
    }
  }
}

TEST(conv1d_every_shape) {
  for_each_set([](const KernelSet& set) {
    for (size_t width : {1u, 2u, 3u, 4u, 5u, 9u}) {
      for (size_t channels = 1; channels <= 35; ++channels)
        check(set, {.length = 6, .channels = channels, .width = width});
      for (size_t length : {0u, 1u, 2u, 3u, 63u, 64u, 65u, 130u}) {
        check(set, {.length = length, .channels = 64, .width = width, .misalignment = 0});
        check(set, {.length = length, .channels = 19, .width = width, .first = false});
      }
      for (int mask = 0; mask < 4; ++mask) {
        check(set, {.length = 9, .channels = 11, .width = width, .bias = (mask & 1) != 0, .silu = (mask & 2) != 0});
      }
    }
  });
}

TEST(conv1d_in_pieces) {
  for_each_set([](const KernelSet& set) {
    for (size_t width : {2u, 4u, 7u}) {
      const Case c{.length = 100, .channels = 21, .width = width, .first = false};
      Run whole(c), pieces(c);
      set.conv1d->causal_conv_f32(whole.args);
      for (size_t from = 0, size = 1; from < c.length; from += size, ++size) {
        ConvArgs args = pieces.args;
        args.length = size < c.length - from ? size : c.length - from;
        args.first = from == 0 ? nullptr : args.last;
        args.x += from * pieces.stride;
        args.out += from * pieces.stride;
        set.conv1d->causal_conv_f32(args);
      }
      EXPECT_TRUE(whole.out.same_bytes(pieces.out) && whole.last.same_bytes(pieces.last));
    }
  });
}

TEST(conv1d_special_values_stay_where_they_are_seen) {
  for_each_set([](const KernelSet& set) {
    const Case c{.length = 80, .channels = 20, .width = 4};
    Run clean(c);
    set.conv1d->causal_conv_f32(clean.args);
    Run run(c);
    run.x[61 * run.stride + 6] = std::numeric_limits<float>::quiet_NaN();
    set.conv1d->causal_conv_f32(run.args);
    for (size_t t = 0; t < c.length; ++t) {
      for (size_t ch = 0; ch < c.channels; ++ch) {
        if (ch == 6 && t >= 61 && t < 65) {
          EXPECT_TRUE(std::isnan(run.y(t, ch)));
        } else {
          EXPECT_EQ(bits_from_f32(run.y(t, ch)), bits_from_f32(clean.y(t, ch)));
        }
      }
    }
  });
}

}  // namespace
}  // namespace tidemerge
