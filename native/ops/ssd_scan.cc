#include "ops/ssd_scan.h"

#include <algorithm>
#include <cmath>

#include "kernels/ssd/ssd.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

// Columns of a wider matrix.
struct Rows {
  const float* data = nullptr;
  ptrdiff_t stride = 0;

  const float* at(size_t row, size_t column) const {
    return data == nullptr ? nullptr : data + static_cast<ptrdiff_t>(row) * stride + column;
  }
};

class SsdScan final : public Operator {
 public:
  explicit SsdScan(const Attributes& attributes)
      : heads_(size(attributes, "heads", 1)),
        head_dim_(size(attributes, "headDim", 1)),
        states_(size(attributes, "states", 1)),
        groups_(size(attributes, "groups", 1)),
        softplus_(attributes.boolean("softplus")),
        dt_min_(static_cast<float>(attributes.number("dtMin"))),
        dt_max_(static_cast<float>(attributes.number("dtMax"))),
        x_column_(size(attributes, "xColumn", 0)),
        dt_column_(size(attributes, "dtColumn", 0)),
        b_column_(size(attributes, "bColumn", 0)),
        c_column_(size(attributes, "cColumn", 0)),
        z_column_(size(attributes, "zColumn", 0)) {
    if (heads_ % groups_ != 0) {
      attributes.fail("groups", "a divisor of " + std::to_string(heads_) + " heads", std::to_string(groups_));
    }
    if (!(dt_min_ <= dt_max_)) {
      attributes.fail("dtMax", "at least dtMin " + std::to_string(dt_min_), std::to_string(dt_max_));
    }
  }

  void run(Call& call) const override {
    Run run = inputs(call);
    run.y = call.output(0, DType::kFloat32, run.rows, heads_ * head_dim_).data<float>();
    run.last = call.output(1, DType::kFloat32, run.batch, heads_ * head_dim_ * states_).data<float>();
    const size_t block = block_channels(call, run.batch);
    const size_t per_head = (head_dim_ + block - 1) / block;
    const Scratch scratch = call.scratch(ssd_scratch(states_) * sizeof(float));
    const size_t steps = run.rows / std::max(run.batch, size_t{1}) * block * states_;
    for_each_index(call, run.batch * heads_ * per_head, steps, [&](size_t index, int thread) {
      const size_t part = index % (heads_ * per_head);
      const size_t begin = part % per_head * block;
      SsdArgs args =
          arguments(run, index / (heads_ * per_head), part / per_head, begin, std::min(begin + block, head_dim_));
      args.scratch = scratch.as<float>(thread);
      call.kernels().ssd->ssd_f32(args);
    });
  }

 private:
  struct Run {
    size_t rows, batch;
    const int32_t* offsets;
    Rows x, dt, b, c, z;
    const float *a, *d, *dt_bias, *first;
    bool d_by_head;
    float *y, *last;
  };

  static size_t size(const Attributes& attributes, const char* name, int64_t least) {
    return static_cast<size_t>(attributes.integer_in(name, least, INT32_MAX));
  }

  // Channels are independent, so how they are split changes no result: small blocks only where threads want for work.
  size_t block_channels(const Call& call, size_t batch) const {
    const auto threads = static_cast<size_t>(call.threads().threads());
    size_t block = kSsdChannels;
    while (block > 16 && batch * heads_ * ((head_dim_ + block - 1) / block) < 2 * threads) block /= 2;
    return std::min(block, head_dim_);
  }

  Run inputs(const Call& call) const {
    Run run{};
    const size_t channels = heads_ * head_dim_;
    run.rows = call.input(0, "x", DType::kFloat32).rows();
    run.offsets = call.offsets(5, "offsets", run.rows, run.batch);
    run.x = rows(call, 0, "x", run.rows, x_column_, channels);
    run.dt = rows(call, 1, "dt", run.rows, dt_column_, heads_);
    run.a = vector_input(call, 2, "A", heads_);
    run.b = rows(call, 3, "B", run.rows, b_column_, groups_ * states_);
    run.c = rows(call, 4, "C", run.rows, c_column_, groups_ * states_);
    if (call.has(6)) {
      run.d_by_head = call.input(6, "D", DType::kFloat32).count() == heads_;
      run.d = vector_input(call, 6, "D", run.d_by_head ? heads_ : channels);
    }
    if (call.has(7)) run.z = rows(call, 7, "z", run.rows, z_column_, channels);
    run.dt_bias = optional_vector_input(call, 8, "dtBias", heads_);
    if (call.has(9)) {
      run.first = call.input(9, "initialState", DType::kFloat32, run.batch, channels * states_).data<float>();
    }
    return run;
  }

  static Rows rows(const Call& call, size_t i, const char* name, size_t count, size_t from, size_t width) {
    const Tensor& tensor = call.input(i, name, DType::kFloat32);
    if (tensor.rows() != count) call.shape_error(name, std::to_string(count) + " rows like x", shape_text(tensor));
    expect_columns_up_to(call, tensor, name, from + width);
    return {tensor.data<float>() + from, static_cast<ptrdiff_t>(tensor.cols())};
  }

  // Channels [begin, end) of one head of one series.
  SsdArgs arguments(const Run& run, size_t series, size_t head, size_t begin, size_t end) const {
    const auto row = static_cast<size_t>(run.offsets[series]);
    const size_t channel = head * head_dim_ + begin;
    const size_t group = head / (heads_ / groups_) * states_;
    const size_t state = (series * heads_ * head_dim_ + channel) * states_;
    SsdArgs args{};
    args.length = static_cast<size_t>(run.offsets[series + 1]) - row;
    args.channels = end - begin;
    args.states = states_;
    args.x = run.x.at(row, channel), args.x_stride = run.x.stride;
    args.z = run.z.at(row, channel), args.z_stride = run.z.stride;
    args.dt = run.dt.at(row, head), args.dt_stride = run.dt.stride;
    args.b = run.b.at(row, group), args.b_stride = run.b.stride;
    args.c = run.c.at(row, group), args.c_stride = run.c.stride;
    args.a = run.a[head];
    args.dt_bias = run.dt_bias == nullptr ? 0.0f : run.dt_bias[head];
    args.dt_min = dt_min_, args.dt_max = dt_max_;
    args.softplus = softplus_;
    args.d = run.d == nullptr ? nullptr : run.d + (run.d_by_head ? head : channel);
    args.d_is_shared = run.d_by_head;
    args.first = run.first == nullptr ? nullptr : run.first + state;
    args.last = run.last + state;
    args.out = run.y + row * heads_ * head_dim_ + channel;
    args.out_stride = static_cast<ptrdiff_t>(heads_ * head_dim_);
    return args;
  }

  size_t heads_;
  size_t head_dim_;
  size_t states_;
  size_t groups_;
  bool softplus_;
  float dt_min_;
  float dt_max_;
  size_t x_column_;
  size_t dt_column_;
  size_t b_column_;
  size_t c_column_;
  size_t z_column_;
};

}  // namespace

const OperatorInfo& ssd_scan_operator() {
  static const OperatorInfo info{"ssd_scan", 6, 10, 2, create<SsdScan>};
  return info;
}

}  // namespace tidemerge
