#include "kernels/ssd/ssd.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/bf16.h"
#include "kernels/scan/scan_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

struct Case {
  size_t length, channels, states;
  bool d = true, d_is_shared = false, z = true, softplus = true, first = false;
  float a = -0.7f, dt_min = 0.0f, dt_max = HUGE_VALF;
};

// Inputs, outputs and scratch of one call between guard bytes, and the same head as a scan: dt and A repeated.
struct Run {
  explicit Run(const Case& c)
      : stride(c.channels + 3),
        row(c.states + 3),
        x(rows(c.length, stride, c.channels), 1),
        z(x.size(), 2),
        out(x.size(), 3),
        dt(rows(c.length, 5, 1), 1),
        b(rows(c.length, row, c.states), 1),
        c(b.size(), 2),
        first(c.channels * c.states, 1),
        last(first.size(), 2),
        d(c.d_is_shared ? 1 : c.channels, 1),
        scratch(ssd_scratch(c.states)) {
    Random random(c.length * 100 + c.channels);
    for (auto* buffer : {&x, &z, &dt, &b, &this->c, &first, &d}) random.fill_normal(buffer->data(), buffer->size());
    args = {.length = c.length,
            .channels = c.channels,
            .states = c.states,
            .x = x.data(),
            .x_stride = static_cast<ptrdiff_t>(stride),
            .z = c.z ? z.data() : nullptr,
            .z_stride = static_cast<ptrdiff_t>(stride),
            .dt = dt.data(),
            .dt_stride = 5,
            .b = b.data(),
            .b_stride = static_cast<ptrdiff_t>(row),
            .c = this->c.data(),
            .c_stride = static_cast<ptrdiff_t>(row),
            .a = c.a,
            .dt_bias = 0.4f,
            .dt_min = c.dt_min,
            .dt_max = c.dt_max,
            .softplus = c.softplus,
            .d = c.d ? d.data() : nullptr,
            .d_is_shared = c.d_is_shared,
            .first = c.first ? first.data() : nullptr,
            .last = last.data(),
            .out = out.data(),
            .out_stride = static_cast<ptrdiff_t>(stride),
            .scratch = scratch.data()};
    repeat();
  }

  static size_t rows(size_t count, size_t stride, size_t width) {
    return count == 0 ? 0 : (count - 1) * stride + width;
  }

  void repeat() {
    const auto step = [&](size_t t) { return dt[t * 5]; };
    for (size_t t = 0; t < args.length; ++t) deltas.insert(deltas.end(), args.channels, step(t));
    decays.assign(args.channels * args.states, args.a);
    biases.assign(args.channels, args.dt_bias);
    for (size_t i = 0; i < args.channels && args.d != nullptr; ++i) skips.push_back(d[args.d_is_shared ? 0 : i]);
    scan = {.length = args.length,
            .channels = args.channels,
            .states = args.states,
            .channels_first = false,
            .u = args.x,
            .u_stride = args.x_stride,
            .delta = deltas.data(),
            .delta_stride = static_cast<ptrdiff_t>(args.channels),
            .z = args.z,
            .z_stride = args.z_stride,
            .b = args.b,
            .b_stride = args.b_stride,
            .c = args.c,
            .c_stride = args.c_stride,
            .b_is_constant = false,
            .c_is_constant = false,
            .a = decays.data(),
            .d = args.d == nullptr ? nullptr : skips.data(),
            .delta_bias = biases.data(),
            .softplus = args.softplus,
            .first = args.first,
            .last = nullptr,
            .out = nullptr,
            .out_stride = args.out_stride,
            .scratch = nullptr};
  }

  bool intact() const {
    return x.intact() && z.intact() && out.intact() && dt.intact() && b.intact() && c.intact() && first.intact() &&
           last.intact() && d.intact() && scratch.intact();
  }
  float y(size_t t, size_t channel) const { return out[t * stride + channel]; }

  size_t stride, row;
  GuardedBuffer<float> x, z, out, dt, b, c, first, last, d, scratch;
  std::vector<float> deltas, decays, biases, skips;
  SsdArgs args;
  ScanArgs scan;
};

void check(const KernelSet& set, const Case& c) {
  TRACE("length %zu, channels %zu, states %zu, d %d %d, z %d, softplus %d, first %d", c.length, c.channels, c.states,
        c.d, c.d_is_shared, c.z, c.softplus, c.first);
  Run run(c);
  set.ssd->ssd_f32(run.args);
  EXPECT_TRUE(run.intact());
  const double rounding = std::strcmp(set.name, "baseline") == 0 ? 0x1p-23 : 0x1p-24;
  const reference::Scan expected = reference::selective_scan(run.scan, rounding, c.dt_min, c.dt_max);
  for (size_t t = 0; t < c.length; ++t) {
    for (size_t ch = 0; ch < c.channels; ++ch) {
      EXPECT_NEAR(run.y(t, ch), expected.out[t * c.channels + ch], expected.out_error[t * c.channels + ch]);
    }
  }
  for (size_t i = 0; i < run.last.size(); ++i) EXPECT_NEAR(run.last[i], expected.last[i], expected.last_error[i]);
}

TEST(ssd_every_shape_and_option) {
  for_each_set([](const KernelSet& set) {
    for (size_t channels = 1; channels <= kSsdChannels; channels += channels < 18 ? 1 : 15) {
      check(set, {.length = 5, .channels = channels, .states = 16, .first = true});
    }
    for (size_t states : {0u, 1u, 3u, 6u, 128u}) check(set, {.length = 9, .channels = 40, .states = states});
    for (size_t length : {0u, 1u, 31u, 32u, 33u, 100u}) {
      check(set, {.length = length, .channels = 64, .states = 8, .first = true});
    }
    for (unsigned mask = 0; mask < 32; ++mask) {
      const auto bit = [&](unsigned i) { return (mask >> i & 1) != 0; };
      const Case c{.length = 12,
                   .channels = 11,
                   .states = 6,
                   .d = bit(0),
                   .d_is_shared = bit(1),
                   .z = bit(2),
                   .softplus = bit(3),
                   .first = bit(4)};
      check(set, c);
    }
    check(set, {.length = 40, .channels = 8, .states = 4, .dt_min = 0.3f, .dt_max = 0.9f});
    check(set, {.length = 40, .channels = 8, .states = 4, .a = 0.2f, .dt_min = 0.0f, .dt_max = 0.1f});
  });
}

// What ssd.h promises, and that out may be x or z.
TEST(ssd_is_the_scan_of_repeated_steps) {
  for_each_set([](const KernelSet& set) {
    const Case c{.length = 70, .channels = 37, .states = 16, .first = true, .dt_min = -HUGE_VALF};
    Run run(c), other(c);
    GuardedBuffer<float> scratch(scan_scratch(c.states));
    other.scan.out = other.out.data(), other.scan.last = other.last.data(), other.scan.scratch = scratch.data();
    set.scan->selective_scan_f32(other.scan);
    set.ssd->ssd_f32(run.args);
    EXPECT_TRUE(run.out.same_bytes(other.out) && run.last.same_bytes(other.last));
    for (int which = 0; which < 2; ++which) {
      Run in_place(c);
      GuardedBuffer<float>& target = which == 0 ? in_place.x : in_place.z;
      in_place.args.out = target.data();
      set.ssd->ssd_f32(in_place.args);
      bool same = true;
      for (size_t t = 0; t < c.length; ++t) {
        same = same && std::memcmp(&target[t * run.stride], &run.out[t * run.stride], c.channels * sizeof(float)) == 0;
      }
      EXPECT_TRUE(same);
    }
  });
}

TEST(ssd_special_values) {
  for_each_set([](const KernelSet& set) {
    for (float special : {std::numeric_limits<float>::quiet_NaN(), HUGE_VALF}) {
      const Case c{.length = 50, .channels = 20, .states = 16};
      Run clean(c), one(c), all(c);
      set.ssd->ssd_f32(clean.args);
      one.x[33 * one.stride + 6] = special;
      all.dt[33 * 5] = special;
      set.ssd->ssd_f32(one.args);
      set.ssd->ssd_f32(all.args);
      for (size_t t = 0; t < c.length; ++t) {
        for (size_t ch = 0; ch < c.channels; ++ch) {
          if (t < 33 || ch != 6) EXPECT_EQ(bits_from_f32(one.y(t, ch)), bits_from_f32(clean.y(t, ch)));
          if (t < 33) EXPECT_EQ(bits_from_f32(all.y(t, ch)), bits_from_f32(clean.y(t, ch)));
          if (t >= 33 && std::isnan(special)) EXPECT_TRUE(std::isnan(all.y(t, ch)));
        }
      }
    }
    Run fading({.length = 64, .channels = 3, .states = 16, .first = true});
    for (float& value : fading.x) value = 0.0f;
    for (float& value : fading.first) value = 3e-39f;
    set.ssd->ssd_f32(fading.args);
    for (float value : fading.last) EXPECT_EQ(value, 0.0f);
  });
}

}  // namespace
}  // namespace tidemerge
