#include "ops/ssd_scan.h"

#include "kernels/scan/scan.h"
#include "kernels/scan/scan_reference.h"
#include "ops/op_run.h"

namespace tidemerge {
namespace {

using namespace testing;

struct Options {
  int heads = 6;
  int head_dim = 3;
  int states = 4;
  int groups = 2;
  double dt_max = HUGE_VAL;
  int x_column = 2;
};

OpAttributes attributes(const Options& o) {
  const auto number = [](int value) { return Attributes::Value(static_cast<double>(value)); };
  return {{"heads", number(o.heads)},   {"headDim", number(o.head_dim)},
          {"states", number(o.states)}, {"groups", number(o.groups)},
          {"softplus", true},           {"dtMin", 0.0},
          {"dtMax", o.dt_max},          {"xColumn", number(o.x_column)},
          {"dtColumn", number(1)},      {"bColumn", number(3)},
          {"cColumn", number(0)},       {"zColumn", number(0)}};
}

struct Inputs {
  Tensor x, dt, a, b, c, d, first;
};

// A series' result against the scan in doubles, channel by channel.
void expect_series(const OpRun& run, const Options& o, const Inputs& in, size_t begin, size_t end, size_t series) {
  const auto head_dim = static_cast<size_t>(o.head_dim), states = static_cast<size_t>(o.states);
  const size_t channels = static_cast<size_t>(o.heads) * head_dim;
  for (size_t ch = 0; ch < channels; ++ch) {
    const size_t head = ch / head_dim, group = head / static_cast<size_t>(o.heads / o.groups) * states;
    const std::vector<float> decays(states, in.a.data<float>()[head]);
    const float skip = in.d.data<float>()[in.d.count() == channels ? ch : head];
    const auto at = [&](const Tensor& tensor, size_t column) {
      return tensor.data<float>() + begin * tensor.cols() + column;
    };
    ScanArgs args{};
    args.length = end - begin, args.channels = 1, args.states = states, args.softplus = true;
    args.u = at(in.x, static_cast<size_t>(o.x_column) + ch), args.u_stride = static_cast<ptrdiff_t>(in.x.cols());
    args.delta = at(in.dt, 1 + head), args.delta_stride = static_cast<ptrdiff_t>(in.dt.cols());
    args.a = decays.data(), args.d = &skip;
    args.b = at(in.b, 3 + group), args.b_stride = static_cast<ptrdiff_t>(in.b.cols());
    args.c = at(in.c, group), args.c_stride = static_cast<ptrdiff_t>(in.c.cols());
    args.first = in.first.data<float>() + (series * channels + ch) * states;
    const reference::Scan expected = reference::selective_scan(args, 0x1p-23, 0.0, o.dt_max);
    for (size_t t = 0; t < args.length; ++t) {
      EXPECT_NEAR(run.f32(0, begin + t, ch), expected.out[t], expected.out_error[t]);
    }
    for (size_t n = 0; n < states; ++n) {
      EXPECT_NEAR(run.f32(1, series, ch * states + n), expected.last[n], expected.last_error[n]);
    }
  }
}

Inputs inputs(const Context& context, const Options& o, size_t rows, size_t batch, bool d_by_head) {
  Random random(3);
  const auto heads = static_cast<size_t>(o.heads), states = static_cast<size_t>(o.states);
  const size_t channels = heads * static_cast<size_t>(o.head_dim), factor = static_cast<size_t>(o.groups) * states;
  Inputs in{random_floats(context, random, rows, channels + static_cast<size_t>(o.x_column)),
            random_floats(context, random, rows, heads + 1),
            random_floats(context, random, heads, 1),
            random_floats(context, random, rows, factor + 3),
            random_floats(context, random, rows, factor),
            random_floats(context, random, d_by_head ? heads : channels, 1),
            random_floats(context, random, batch, channels * states)};
  for (size_t h = 0; h < heads; ++h) in.a.data<float>()[h] = -std::fabs(in.a.data<float>()[h]);
  return in;
}

TEST(ssd_scan_of_ragged_batches_columns_and_groups) {
  for_each_context([](const Context& context) {
    const std::vector<int32_t> ends = {0, 13, 13, 14, 60};
    for (const Options& o : {Options{}, Options{2, 72, 5, 1, 0.5, 0}, Options{1, 7, 16, 1, HUGE_VAL, 1}}) {
      TRACE("%d heads of %d, %d states, %d groups", o.heads, o.head_dim, o.states, o.groups);
      const Inputs in = inputs(context, o, 60, 4, o.heads != 2);
      const OpRun run(context, ssd_scan_operator(), attributes(o),
                      {in.x, in.dt, in.a, in.b, in.c, ints(context, ends), in.d, absent(), absent(), in.first});
      for (size_t s = 0; s + 1 < ends.size(); ++s) {
        expect_series(run, o, in, static_cast<size_t>(ends[s]), static_cast<size_t>(ends[s + 1]), s);
      }
    }
  });
}

TEST(ssd_scan_refuses_what_does_not_fit) {
  with_context([](const Context& context) {
    const Options good;
    const Inputs in = inputs(context, good, 5, 1, true);
    const Tensor offsets = ints(context, {0, 5});
    const auto run = [&](const Options& o, std::vector<OpInput> given) {
      return [&context, o, given] { OpRun(context, ssd_scan_operator(), attributes(o), given); };
    };
    EXPECT_ERROR(run(good, {in.c, in.dt, in.a, in.b, in.c, offsets}), error_code::kInvalidShape, "x: ");
    EXPECT_ERROR(run(good, {in.x, in.a, in.a, in.b, in.c, offsets}), error_code::kInvalidShape, "dt: expected 5 rows");
    EXPECT_ERROR(run(good, {in.x, in.dt, in.x, in.b, in.c, offsets}), error_code::kInvalidShape, "A: ");
    EXPECT_ERROR(run(good, {in.x, in.dt, in.a, in.c, in.c, offsets}), error_code::kInvalidShape, "B: ");
    EXPECT_ERROR(run(good, {in.x, in.dt, in.a, in.b, in.dt, offsets}), error_code::kInvalidShape, "C: ");
    EXPECT_ERROR(run(good, {in.x, in.dt, in.a, in.b, in.c, offsets, in.x}), error_code::kInvalidShape, "D: ");
    EXPECT_ERROR(run(good, {in.x, in.dt, in.a, in.b, in.c, offsets, absent(), in.dt}), error_code::kInvalidShape,
                 "z: ");
    EXPECT_ERROR(run(good, {in.x, in.dt, in.a, in.b, in.c, offsets, absent(), absent(), absent(), in.a}),
                 error_code::kInvalidShape, "initialState: ");
    EXPECT_ERROR(run({6, 3, 4, 4, HUGE_VAL, 2}, {in.x, in.dt, in.a, in.b, in.c, offsets}), error_code::kInvalidArgument,
                 "groups");
    EXPECT_ERROR(run({6, 3, 4, 2, -1.0, 2}, {in.x, in.dt, in.a, in.b, in.c, offsets}), error_code::kInvalidArgument,
                 "dtMax");
  });
}

}  // namespace
}  // namespace tidemerge
