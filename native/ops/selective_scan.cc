#include "ops/selective_scan.h"

#include <algorithm>

#include "kernels/scan/scan.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

// An exponential and what belongs to it, in the steps of split.h.
constexpr size_t kStepsPerState = 4;

// Columns of a wider matrix; every row has the same channels.
struct Rows {
  const float* data = nullptr;
  ptrdiff_t stride = 0;

  const float* at(size_t row, size_t column) const {
    return data == nullptr ? nullptr : data + static_cast<ptrdiff_t>(row) * stride + column;
  }
};

// B or C.
struct Factor {
  size_t groups = 0;  // 0: constant in time
  size_t column = 0;

  Factor(const Attributes& attributes, const char* groups_name, const char* column_name, int64_t channels)
      : groups(static_cast<size_t>(attributes.integer_in(groups_name, 0, channels))),
        column(static_cast<size_t>(attributes.integer_in(column_name, 0, INT32_MAX))) {
    if (groups != 0 && static_cast<size_t>(channels) % groups != 0) {
      attributes.fail(groups_name, "a divisor of " + std::to_string(channels) + " channels", std::to_string(groups));
    }
  }
};

class SelectiveScan final : public Operator {
 public:
  explicit SelectiveScan(const Attributes& attributes)
      : channels_(static_cast<size_t>(attributes.integer_in("channels", 1, INT32_MAX))),
        states_(static_cast<size_t>(attributes.integer_in("states", 1, INT32_MAX))),
        softplus_(attributes.boolean("softplus")),
        channels_first_(attributes.boolean("channelsFirst", false)),
        u_column_(column(attributes, "uColumn")),
        delta_column_(column(attributes, "deltaColumn")),
        z_column_(column(attributes, "zColumn")),
        b_(attributes, "bGroups", "bColumn", static_cast<int64_t>(channels_)),
        c_(attributes, "cGroups", "cColumn", static_cast<int64_t>(channels_)) {
    if (b_.groups > 1 && c_.groups > 1 && b_.groups != c_.groups) {
      attributes.fail("cGroups", std::to_string(b_.groups) + " like those of B", std::to_string(c_.groups));
    }
  }

  void run(Call& call) const override {
    Run run = inputs(call);
    const size_t width = channels_ * states_;
    run.y = channels_first_ ? call.output(0, DType::kFloat32, run.batch * channels_, run.length).data<float>()
                            : call.output(0, DType::kFloat32, run.rows, channels_).data<float>();
    run.last = call.output(1, DType::kFloat32, run.batch, width).data<float>();
    const size_t per_group = channels_ / std::max({b_.groups, c_.groups, size_t{1}});
    const size_t block = block_channels(call, run.batch, per_group);
    const size_t blocks_per_group = (per_group + block - 1) / block;
    const size_t blocks = channels_ / per_group * blocks_per_group;
    const Scratch scratch = call.scratch(scan_scratch(states_) * sizeof(float));
    const size_t steps = run.rows / std::max(run.batch, size_t{1}) * block * states_ * kStepsPerState;
    for_each_index(call, run.batch * blocks, steps, [&](size_t index, int thread) {
      const size_t part = index % blocks;
      const size_t begin = part / blocks_per_group * per_group + part % blocks_per_group * block;
      const size_t end = std::min(begin + block, (part / blocks_per_group + 1) * per_group);
      ScanArgs args = arguments(run, index / blocks, begin, end);
      args.scratch = scratch.as<float>(thread);
      call.kernels().scan->selective_scan_f32(args);
    });
  }

 private:
  struct Run {
    size_t rows, batch;  // of B and C
    size_t length;       // of every series, where channels come first
    const int32_t* offsets;
    Rows u, delta, z, b, c;
    const float *a, *d, *delta_bias, *first;
    float *y, *last;
  };

  static size_t column(const Attributes& attributes, const char* name) {
    return static_cast<size_t>(attributes.integer_in(name, 0, INT32_MAX));
  }

  // Channels are independent, so how they are split changes no result: small blocks only where threads want for work.
  static size_t block_channels(const Call& call, size_t batch, size_t per_group) {
    const auto threads = static_cast<size_t>(call.threads().threads());
    size_t block = kScanChannels;
    while (block > 16 && batch * ((per_group + block - 1) / block) < 2 * threads) block /= 2;
    return std::min(block, per_group);
  }

  Run inputs(const Call& call) const {
    Run run{};
    const Tensor& u = call.input(0, "u", DType::kFloat32);
    if (channels_first_) {
      run.length = u.cols();
      run.rows = u.rows() / channels_ * run.length;
    } else {
      run.rows = u.rows();
    }
    run.offsets = call.offsets(5, "offsets", run.rows, run.batch);
    if (channels_first_) expect_equal_lengths(call, run);
    run.u = sequence(call, run, 0, "u", u_column_);
    run.delta = sequence(call, run, 1, "delta", delta_column_);
    run.a = call.input(2, "A", DType::kFloat32, channels_, states_).data<float>();
    run.b = factor(call, 3, "B", run.rows, b_);
    run.c = factor(call, 4, "C", run.rows, c_);
    run.d = optional_vector_input(call, 6, "D", channels_);
    if (call.has(7)) run.z = sequence(call, run, 7, "z", z_column_);
    run.delta_bias = optional_vector_input(call, 8, "deltaBias", channels_);
    if (call.has(9)) {
      run.first = call.input(9, "initialState", DType::kFloat32, run.batch, channels_ * states_).data<float>();
    }
    return run;
  }

  static void expect_equal_lengths(const Call& call, const Run& run) {
    for (size_t b = 0; b <= run.batch; ++b) {
      if (static_cast<size_t>(run.offsets[b]) == b * run.length) continue;
      call.argument_error("offsets", "multiples of " + std::to_string(run.length), std::to_string(run.offsets[b]));
    }
  }

  // u, delta or z.
  Rows sequence(const Call& call, const Run& run, size_t i, const char* name, size_t column) const {
    if (!channels_first_) return rows(call, i, name, run.rows, column, channels_);
    const Tensor& tensor = call.input(i, name, DType::kFloat32, run.batch * channels_, run.length);
    return {tensor.data<float>(), static_cast<ptrdiff_t>(run.length)};
  }

  // Of a sequence: the first step of a channel.
  const float* begin_of(const Rows& rows, size_t series, size_t row, size_t channel) const {
    return channels_first_ ? rows.at(series * channels_ + channel, 0) : rows.at(row, channel);
  }

  Rows rows(const Call& call, size_t i, const char* name, size_t count, size_t from, size_t width) const {
    const Tensor& tensor = call.input(i, name, DType::kFloat32);
    if (tensor.rows() != count) {
      call.shape_error(name, std::to_string(count) + " rows like u", shape_text(tensor));
    }
    expect_columns_up_to(call, tensor, name, from + width);
    return {tensor.data<float>() + from, static_cast<ptrdiff_t>(tensor.cols())};
  }

  Rows factor(const Call& call, size_t i, const char* name, size_t count, const Factor& factor) const {
    if (factor.groups != 0) return rows(call, i, name, count, factor.column, factor.groups * states_);
    return {call.input(i, name, DType::kFloat32, channels_, states_).data<float>(), static_cast<ptrdiff_t>(states_)};
  }

  // Where B or C of these channels begins: a row of the series' first step, or of the first channel.
  const float* begin_of(const Factor& factor, const Rows& rows, size_t row, size_t channel) const {
    if (factor.groups == 0) return rows.at(channel, 0);
    return rows.at(row, channel / (channels_ / factor.groups) * states_);
  }

  // Channels [begin, end), all of one group, of one series.
  ScanArgs arguments(const Run& run, size_t series, size_t begin, size_t end) const {
    const auto row = static_cast<size_t>(run.offsets[series]);
    const size_t state = (series * channels_ + begin) * states_;
    ScanArgs args{};
    args.length = static_cast<size_t>(run.offsets[series + 1]) - row;
    args.channels = end - begin;
    args.states = states_;
    args.channels_first = channels_first_;
    args.u = begin_of(run.u, series, row, begin), args.u_stride = run.u.stride;
    args.delta = begin_of(run.delta, series, row, begin), args.delta_stride = run.delta.stride;
    args.z = begin_of(run.z, series, row, begin), args.z_stride = run.z.stride;
    args.b = begin_of(b_, run.b, row, begin), args.b_stride = run.b.stride;
    args.c = begin_of(c_, run.c, row, begin), args.c_stride = run.c.stride;
    args.b_is_constant = b_.groups == 0, args.c_is_constant = c_.groups == 0;
    args.a = run.a + begin * states_;
    args.d = run.d == nullptr ? nullptr : run.d + begin;
    args.delta_bias = run.delta_bias == nullptr ? nullptr : run.delta_bias + begin;
    args.softplus = softplus_;
    args.first = run.first == nullptr ? nullptr : run.first + state;
    args.last = run.last + state;
    args.out = channels_first_ ? run.y + (series * channels_ + begin) * run.length : run.y + row * channels_ + begin;
    args.out_stride = static_cast<ptrdiff_t>(channels_first_ ? run.length : channels_);
    return args;
  }

  size_t channels_;
  size_t states_;
  bool softplus_;
  bool channels_first_;
  size_t u_column_;
  size_t delta_column_;
  size_t z_column_;
  Factor b_;
  Factor c_;
};

}  // namespace

const OperatorInfo& selective_scan_operator() {
  static const OperatorInfo info{"selective_scan", 6, 10, 2, create<SelectiveScan>};
  return info;
}

}  // namespace tidemerge
