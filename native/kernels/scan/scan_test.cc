#include "kernels/scan/scan.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "base/bf16.h"
#include "kernels/scan/scan_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Case {
  size_t length, channels, states;
  bool d = true, z = true, bias = true, softplus = true, b_constant = false, c_constant = false, first = false;
  float a_from = -4.0f, a_to = -0.01f, delta_scale = 1.0f;
  size_t misalignment = 1, gap = 3;
};

// Inputs, outputs and scratch of one call between guard bytes. Rows are `gap` elements longer than they have to be.
struct Run {
  explicit Run(const Case& c, uint64_t seed = 1)
      : stride(c.channels + c.gap),
        row(c.states + c.gap),
        u(rows(c.length, stride, c.channels), c.misalignment),
        delta(u.size(), c.misalignment + 1),
        z(u.size(), c.misalignment + 2),
        out(u.size(), c.misalignment),
        b(c.b_constant ? c.channels * c.states : rows(c.length, row, c.states), 1),
        c(c.c_constant ? c.channels * c.states : rows(c.length, row, c.states), 3),
        a(c.channels * c.states, 1),
        first(a.size(), 2),
        last(a.size(), 1),
        d(c.channels, 1),
        bias(c.channels, 2),
        scratch(scan_scratch(c.states)) {
    Random random(seed);
    for (auto* buffer : {&u, &z, &b, &this->c, &first, &d, &bias}) random.fill_normal(buffer->data(), buffer->size());
    random.fill_normal(delta.data(), delta.size(), c.delta_scale);
    if (!c.softplus) {
      for (float& value : delta) value = std::fabs(value);
      for (float& value : bias) value = std::fabs(value);
    }
    random.fill_uniform(a.data(), a.size(), c.a_from, c.a_to);
    const auto step = static_cast<ptrdiff_t>(stride);
    args = {.length = c.length,
            .channels = c.channels,
            .states = c.states,
            .channels_first = false,
            .u = u.data(),
            .u_stride = step,
            .delta = delta.data(),
            .delta_stride = step,
            .z = c.z ? z.data() : nullptr,
            .z_stride = step,
            .b = b.data(),
            .b_stride = static_cast<ptrdiff_t>(row),
            .c = this->c.data(),
            .c_stride = static_cast<ptrdiff_t>(row),
            .b_is_constant = c.b_constant,
            .c_is_constant = c.c_constant,
            .a = a.data(),
            .d = c.d ? d.data() : nullptr,
            .delta_bias = c.bias ? bias.data() : nullptr,
            .softplus = c.softplus,
            .first = c.first ? first.data() : nullptr,
            .last = last.data(),
            .out = out.data(),
            .out_stride = step,
            .scratch = scratch.data()};
  }
  static size_t rows(size_t count, size_t stride, size_t width) {
    return count == 0 ? 0 : (count - 1) * stride + width;
  }

  bool intact() const {
    return u.intact() && delta.intact() && z.intact() && out.intact() && b.intact() && c.intact() && a.intact() &&
           first.intact() && last.intact() && d.intact() && bias.intact() && scratch.intact();
  }
  float y(size_t t, size_t channel) const { return out[t * stride + channel]; }

  size_t stride, row;
  GuardedBuffer<float> u, delta, z, out, b, c, a, first, last, d, bias, scratch;
  ScanArgs args;
};

double rounding(const KernelSet& set) { return std::strcmp(set.name, "baseline") == 0 ? 0x1p-23 : 0x1p-24; }

void check(const KernelSet& set, const Case& c) {
  TRACE("length %zu, channels %zu, states %zu, d %d, z %d, bias %d, softplus %d, constant %d %d, first %d", c.length,
        c.channels, c.states, c.d, c.z, c.bias, c.softplus, c.b_constant, c.c_constant, c.first);
  Run run(c, c.length * 100 + c.channels);
  set.scan->selective_scan_f32(run.args);
  EXPECT_TRUE(run.intact());
  const reference::Scan expected = reference::selective_scan(run.args, rounding(set));
  for (size_t t = 0; t < c.length; ++t) {
    for (size_t ch = 0; ch < c.channels; ++ch) {
      EXPECT_NEAR(run.y(t, ch), expected.out[t * c.channels + ch], expected.out_error[t * c.channels + ch]);
    }
  }
  for (size_t i = 0; i < run.last.size(); ++i) EXPECT_NEAR(run.last[i], expected.last[i], expected.last_error[i]);
}

TEST(scan_every_shape) {
  for_each_set([](const KernelSet& set) {
    for (size_t channels = 1; channels <= 35; ++channels) check(set, {.length = 5, .channels = channels, .states = 16});
    for (size_t states : {0u, 1u, 2u, 3u, 7u, 8u, 16u, 17u, 64u}) {
      for (size_t channels : {1u, 9u, 64u}) check(set, {.length = 9, .channels = channels, .states = states});
    }
    for (size_t length : {0u, 1u, 2u, 31u, 32u, 33u, 64u, 200u}) {
      check(set, {.length = length, .channels = 19, .states = 8});
      check(set, {.length = length, .channels = 3, .states = 5, .first = true, .misalignment = 0});
    }
  });
}

TEST(scan_every_option) {
  for_each_set([](const KernelSet& set) {
    for (unsigned mask = 0; mask < 128; ++mask) {
      const auto bit = [&](unsigned i) { return (mask >> i & 1) != 0; };
      check(set, {.length = 12,
                  .channels = 11,
                  .states = 16,
                  .d = bit(0),
                  .z = bit(1),
                  .bias = bit(2),
                  .softplus = bit(3),
                  .b_constant = bit(4),
                  .c_constant = bit(5),
                  .first = bit(6)});
    }
  });
}

TEST(scan_magnitudes) {
  for_each_set([](const KernelSet& set) {
    // Steps in the linear range of softplus: the decay underflows.
    check(set, {.length = 70, .channels = 9, .states = 16, .delta_scale = 60.0f});
    check(set, {.length = 70, .channels = 9, .states = 16, .delta_scale = 1e-6f});
    // Growing states: A above 0.
    check(set, {.length = 20, .channels = 9, .states = 16, .a_from = -0.5f, .a_to = 0.5f});
    check(set, {.length = 70, .channels = 9, .states = 16, .a_from = 0.0f, .a_to = 0.0f});
  });
}

TEST(scan_in_pieces) {
  for_each_set([](const KernelSet& set) {
    const Case c{.length = 100, .channels = 21, .states = 16};
    Run whole(c), pieces(c);
    set.scan->selective_scan_f32(whole.args);
    for (size_t from = 0, size = 1; from < c.length; from += size, size += 3) {
      ScanArgs args = pieces.args;
      args.length = std::min(size, c.length - from);
      args.first = from == 0 ? nullptr : args.last;
      for (const float** p : {&args.u, &args.delta, &args.z}) *p += from * pieces.stride;
      for (const float** p : {&args.b, &args.c}) *p += from * pieces.row;
      args.out += from * pieces.stride;
      set.scan->selective_scan_f32(args);
    }
    // Nothing here comes near 2^-126, where pieces may differ.
    EXPECT_TRUE(whole.out.same_bytes(pieces.out) && whole.last.same_bytes(pieces.last));
  });
}

TEST(scan_in_place_and_channels_alone) {
  for_each_set([](const KernelSet& set) {
    const Case c{.length = 40, .channels = 37, .states = 16};
    Run together(c);
    set.scan->selective_scan_f32(together.args);
    for (int which = 0; which < 3; ++which) {
      Run in_place(c);
      GuardedBuffer<float>& target = which == 0 ? in_place.u : which == 1 ? in_place.delta : in_place.z;
      in_place.args.out = target.data();
      set.scan->selective_scan_f32(in_place.args);
      bool same = true;
      for (size_t t = 0; t < c.length; ++t) {
        for (size_t ch = 0; ch < c.channels; ++ch) same = same && target[t * together.stride + ch] == together.y(t, ch);
      }
      EXPECT_TRUE(same);
    }
    for (size_t ch : {0u, 5u, 17u, 36u}) {
      Run alone(c);
      ScanArgs& args = alone.args;
      args.channels = 1;
      for (const float** p : {&args.u, &args.delta, &args.z, &args.d, &args.delta_bias}) *p += ch;
      args.a += ch * c.states, args.last += ch * c.states, args.out += ch;
      set.scan->selective_scan_f32(args);
      for (size_t t = 0; t < c.length; ++t) {
        EXPECT_EQ(bits_from_f32(alone.y(t, ch)), bits_from_f32(together.y(t, ch)));
      }
    }
  });
}

// The same bits from [channels, length], in place too.
TEST(scan_channels_first) {
  for_each_set([](const KernelSet& set) {
    for (const auto& [length, channels] : {std::pair<size_t, size_t>{70, 37}, {7, 64}, {1, 3}, {33, 8}}) {
      TRACE("%zu steps, %zu channels", length, channels);
      Run run({.length = length, .channels = channels, .states = 5, .misalignment = 0, .gap = 0});
      const size_t apart = length + 2;
      const auto turned = [&](const GuardedBuffer<float>& from, GuardedBuffer<float>& to) {
        for (size_t t = 0; t < length; ++t) {
          for (size_t ch = 0; ch < channels; ++ch) to[ch * apart + t] = from[t * channels + ch];
        }
      };
      GuardedBuffer<float> u(Run::rows(channels, apart, length), 1), delta(u.size(), 2), z(u.size(), 3),
          out(u.size(), 1);
      GuardedBuffer<float> last(run.last.size(), 1), expected(u.size(), 1);
      turned(run.u, u), turned(run.delta, delta), turned(run.z, z);
      set.scan->selective_scan_f32(run.args);
      turned(run.out, expected);
      ScanArgs args = run.args;
      args.channels_first = true;
      args.u = u.data(), args.delta = delta.data(), args.z = z.data(), args.out = out.data(), args.last = last.data();
      args.u_stride = args.delta_stride = args.z_stride = args.out_stride = static_cast<ptrdiff_t>(apart);
      set.scan->selective_scan_f32(args);
      const auto same = [&](const GuardedBuffer<float>& got) {
        for (size_t i = 0; i < u.size(); ++i) {
          if (i % apart < length && bits_from_f32(got[i]) != bits_from_f32(expected[i])) return false;
        }
        return got.intact();
      };
      EXPECT_TRUE(same(out) && u.intact() && delta.intact() && z.intact() && last.same_bytes(run.last));
      args.out = delta.data();
      set.scan->selective_scan_f32(args);
      EXPECT_TRUE(same(delta));
    }
  });
}

TEST(scan_special_values_stay_in_their_channel) {
  for_each_set([](const KernelSet& set) {
    const Case c{.length = 50, .channels = 20, .states = 16};
    Run clean(c);
    set.scan->selective_scan_f32(clean.args);
    for (float special : {kNaN, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
      for (int input = 0; input < 3; ++input) {
        Run run(c);
        GuardedBuffer<float>& buffer = input == 0 ? run.u : input == 1 ? run.delta : run.z;
        buffer[33 * run.stride + 6] = special;
        set.scan->selective_scan_f32(run.args);
        for (size_t t = 0; t < c.length; ++t) {
          for (size_t ch = 0; ch < c.channels; ++ch) {
            const bool hit = ch == 6 && (input == 2 ? t == 33 : t >= 33);
            if (!hit) EXPECT_EQ(bits_from_f32(run.y(t, ch)), bits_from_f32(clean.y(t, ch)));
            if (hit && std::isnan(special)) EXPECT_TRUE(std::isnan(run.y(t, ch)));
          }
        }
      }
    }
  });
}

// The decays of a tile are taken without a clamp where no step is long: a NaN must not hide one that is.
TEST(scan_long_step_before_a_nan) {
  for_each_set([](const KernelSet& set) {
    Run run({.length = 30, .channels = 20, .states = 17, .z = false, .bias = false, .softplus = false});
    for (float& a : run.a) a = -16.0f;
    run.delta[5 * run.stride + 6] = 1e6f;
    run.delta[8 * run.stride + 6] = kNaN;
    set.scan->selective_scan_f32(run.args);
    const reference::Scan expected = reference::selective_scan(run.args, rounding(set));
    for (size_t t = 0; t < 30; ++t) {
      for (size_t ch = 0; ch < 20; ++ch) {
        const size_t i = t * 20 + ch;
        if (ch == 6 && t >= 8) {
          EXPECT_TRUE(std::isnan(run.y(t, ch)));
        } else {
          EXPECT_NEAR(run.y(t, ch), expected.out[i], expected.out_error[i]);
        }
      }
    }
  });
}

TEST(scan_forgets_denormal_states) {
  for_each_set([](const KernelSet& set) {
    Run run({.length = 64, .channels = 3, .states = 16, .first = true});
    for (float& value : run.u) value = 0.0f;
    for (float& value : run.first) value = 3e-39f;
    set.scan->selective_scan_f32(run.args);
    for (float value : run.last) EXPECT_EQ(value, 0.0f);
  });
}

}  // namespace
}  // namespace tidemerge
