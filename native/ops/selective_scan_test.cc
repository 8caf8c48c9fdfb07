#include "ops/selective_scan.h"

#include "kernels/scan/scan.h"
#include "kernels/scan/scan_reference.h"
#include "ops/op_run.h"

namespace tidemerge {
namespace {

using namespace testing;

struct Options {
  int channels = 6;
  int states = 4;
  int b_groups = 1;
  int c_groups = 1;
  int u_column = 0;
};

OpAttributes attributes(const Options& o) {
  const auto number = [](int value) { return Attributes::Value(static_cast<double>(value)); };
  return {{"channels", number(o.channels)},
          {"states", number(o.states)},
          {"softplus", true},
          {"uColumn", number(o.u_column)},
          {"deltaColumn", number(0)},
          {"zColumn", number(0)},
          {"bGroups", number(o.b_groups)},
          {"bColumn", number(1)},
          {"cGroups", number(o.c_groups)},
          {"cColumn", number(0)}};
}

// A series' result against the reference, channel by channel: groups and columns are the operator's work.
void expect_series(const OpRun& run, const Options& o, const Tensor& u, const Tensor& delta, const Tensor& a,
                   const Tensor& b, const Tensor& c, const Tensor& first, size_t begin, size_t end, size_t series) {
  const auto channels = static_cast<size_t>(o.channels), states = static_cast<size_t>(o.states);
  for (size_t ch = 0; ch < channels; ++ch) {
    const auto group = [&](int groups) { return ch / (channels / static_cast<size_t>(groups)) * states; };
    ScanArgs args{};
    args.length = end - begin, args.channels = 1, args.states = states, args.softplus = true;
    args.u = u.data<float>() + begin * u.cols() + static_cast<size_t>(o.u_column) + ch;
    args.u_stride = static_cast<ptrdiff_t>(u.cols());
    args.delta = delta.data<float>() + begin * delta.cols() + ch,
    args.delta_stride = static_cast<ptrdiff_t>(delta.cols());
    args.a = a.data<float>() + ch * states;
    args.b = b.data<float>() + begin * b.cols() + 1 + group(o.b_groups),
    args.b_stride = static_cast<ptrdiff_t>(b.cols());
    args.c = c.data<float>() + begin * c.cols() + group(o.c_groups), args.c_stride = static_cast<ptrdiff_t>(c.cols());
    args.first = first.data<float>() + (series * channels + ch) * states;
    const reference::Scan expected = reference::selective_scan(args, 0x1p-23);
    for (size_t t = 0; t < args.length; ++t) {
      EXPECT_NEAR(run.f32(0, begin + t, ch), expected.out[t], expected.out_error[t]);
    }
    for (size_t n = 0; n < states; ++n) {
      EXPECT_NEAR(run.f32(1, series, ch * states + n), expected.last[n], expected.last_error[n]);
    }
  }
}

TEST(selective_scan_of_ragged_batches_columns_and_groups) {
  for_each_context([](const Context& context) {
    Random random(3);
    for (const Options& o : {Options{}, Options{6, 4, 3, 3, 2}, Options{6, 3, 2, 1, 0}, Options{150, 16, 1, 1, 5}}) {
      TRACE("%d channels, %d states, groups %d %d", o.channels, o.states, o.b_groups, o.c_groups);
      const auto channels = static_cast<size_t>(o.channels), states = static_cast<size_t>(o.states);
      const std::vector<int32_t> ends = {0, 13, 13, 14, 90};
      const Tensor u = random_floats(context, random, 90, channels + 7);
      const Tensor delta = random_floats(context, random, 90, channels);
      const Tensor a = random_floats(context, random, channels, states);
      for (float* p = const_cast<float*>(a.data<float>()); p < a.data<float>() + a.count(); ++p) *p = -std::fabs(*p);
      const Tensor b = random_floats(context, random, 90, static_cast<size_t>(o.b_groups) * states + 1);
      const Tensor c = random_floats(context, random, 90, static_cast<size_t>(o.c_groups) * states);
      const Tensor first = random_floats(context, random, 4, channels * states);
      const Tensor offsets = ints(context, ends);
      const OpRun run(context, selective_scan_operator(), attributes(o),
                      {u, delta, a, b, c, offsets, absent(), absent(), absent(), first});
      for (size_t s = 0; s + 1 < ends.size(); ++s) {
        expect_series(run, o, u, delta, a, b, c, first, static_cast<size_t>(ends[s]), static_cast<size_t>(ends[s + 1]),
                      s);
      }
    }
  });
}

TEST(selective_scan_refuses_what_does_not_fit) {
  with_context([](const Context& context) {
    Random random(4);
    const Tensor x = random_floats(context, random, 5, 6);
    const Tensor a = random_floats(context, random, 6, 4);
    const Tensor factor = random_floats(context, random, 5, 5);
    const Tensor offsets = ints(context, {0, 5});
    const auto run = [&](const Options& o, std::vector<OpInput> inputs) {
      return [&context, o, inputs] { OpRun(context, selective_scan_operator(), attributes(o), inputs); };
    };
    EXPECT_ERROR(run({}, {x, x, factor, factor, factor, offsets}), error_code::kInvalidShape, "selective_scan: A: ");
    EXPECT_ERROR(run({}, {x, factor, a, factor, factor, offsets}), error_code::kInvalidShape, "delta");
    EXPECT_ERROR(run({}, {x, rows_of(context, x, 0, 4), a, factor, factor, offsets}), error_code::kInvalidShape,
                 "delta: expected 5 rows");
    EXPECT_ERROR(run({6, 4, 2, 2, 0}, {x, x, a, factor, factor, offsets}), error_code::kInvalidShape, "B: ");
    EXPECT_ERROR(run({6, 4, 0, 1, 0}, {x, x, a, factor, factor, offsets}), error_code::kInvalidShape, "B: ");
    EXPECT_ERROR(run({6, 4, 4, 1, 0}, {x, x, a, factor, factor, offsets}), error_code::kInvalidArgument, "bGroups");
    EXPECT_ERROR(run({6, 4, 2, 3, 0}, {x, x, a, factor, factor, offsets}), error_code::kInvalidArgument, "cGroups");
    EXPECT_ERROR(run({}, {x, x, a, factor, factor, offsets, a}), error_code::kInvalidShape, "D: ");
    EXPECT_ERROR(run({}, {x, x, a, factor, factor, offsets, absent(), absent(), absent(), a}),
                 error_code::kInvalidShape, "initialState: ");
    EXPECT_ERROR(run({6, 4, 1, 1, 1}, {x, x, a, factor, factor, offsets}), error_code::kInvalidShape, "u: ");
  });
}

}  // namespace
}  // namespace tidemerge
