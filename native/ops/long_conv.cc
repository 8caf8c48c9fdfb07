#include "ops/long_conv.h"

#include <algorithm>

#include "kernels/fft/fft.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/filter_spectra.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

// Up to this length a sum is faster than three transforms.
constexpr size_t kLongestSum = 64;

struct Rows {
  const float* data = nullptr;
  ptrdiff_t stride = 0;
  const float* at(size_t row, size_t column) const {
    return data == nullptr ? nullptr : data + static_cast<ptrdiff_t>(row) * stride + column;
  }
};

// Series that are transformed alike.
struct Group {
  size_t length = 0;  // of each, if the filter is not kept
  std::vector<size_t> series;
  std::shared_ptr<const FftPlanOwner> plan;  // null: summed
  FilterSpectra::Spectrum spectrum;          // null: made anew for every block of channels
};

// A block of channels of some series of a group.
struct Task {
  const Group* group;
  size_t channel;
  size_t begin, end;  // of the group's series
};

class LongConv final : public Operator {
 public:
  explicit LongConv(const Attributes& attributes)
      : channels_(static_cast<size_t>(attributes.integer_in("channels", 1, INT32_MAX))),
        x_column_(column(attributes, "xColumn")),
        pre_column_(column(attributes, "preColumn")),
        post_column_(column(attributes, "postColumn")),
        spectra_(static_cast<size_t>(attributes.integer_in("spectrumBytes", 0, int64_t{1} << 53))) {}

  void run(Call& call) const override {
    Run run = inputs(call);
    run.y = call.output(0, DType::kFloat32, run.rows, channels_).data<float>();
    const std::vector<Group> groups = groups_of(call, run);
    const std::vector<Task> tasks = tasks_of(call, groups);
    size_t points = 0, steps = 0;
    bool makes_spectra = false;
    for (const Group& group : groups) {
      const size_t size = group.plan != nullptr ? group.plan->plan().size : kLongestSum;
      points = std::max(points, size);
      makes_spectra = makes_spectra || (group.plan != nullptr && group.spectrum == nullptr);
      steps = std::max(steps, size * kFftPoint * 8);
    }
    const size_t floats = long_conv_work(points);
    const Scratch scratch = call.scratch((floats + (makes_spectra ? points * kFftPoint : 0)) * sizeof(float));
    for_each_index(call, tasks.size(), steps, [&](size_t index, int thread) {
      float* const work = scratch.as<float>(thread);
      compute(call, run, tasks[index], work, work + floats);
    });
  }

 private:
  struct Run {
    size_t rows, batch;
    const int32_t* offsets;
    Rows x, pre, post;
    const Tensor* filter;
    const float* skip;
    float* y;
  };

  static size_t column(const Attributes& attributes, const char* name) {
    return static_cast<size_t>(attributes.integer_in(name, 0, INT32_MAX));
  }

  Run inputs(const Call& call) const {
    Run run{};
    run.rows = call.input(0, "x", DType::kFloat32).rows();
    run.offsets = call.offsets(2, "offsets", run.rows, run.batch);
    run.x = rows(call, 0, "x", run.rows, x_column_);
    run.filter = &call.input(1, "filter", DType::kFloat32);
    expect_columns(call, *run.filter, "filter", channels_);
    run.skip = optional_vector_input(call, 3, "skip", channels_);
    if (call.has(4)) run.pre = rows(call, 4, "pre", run.rows, pre_column_);
    if (call.has(5)) run.post = rows(call, 5, "post", run.rows, post_column_);
    return run;
  }

  Rows rows(const Call& call, size_t i, const char* name, size_t count, size_t from) const {
    const Tensor& tensor = call.input(i, name, DType::kFloat32);
    if (tensor.rows() != count) {
      call.shape_error(name, std::to_string(count) + " rows like x", shape_text(tensor));
    }
    expect_columns_up_to(call, tensor, name, from + channels_);
    return {tensor.data<float>() + from, static_cast<ptrdiff_t>(tensor.cols())};
  }

  // By size where spectra are kept, else by length; what series share changes nothing of their results.
  std::vector<Group> groups_of(const Call& call, const Run& run) const {
    const bool constant = call.is_weight(1);
    std::map<size_t, Group> groups;
    size_t held = 0;
    for (size_t s = 0; s < run.batch; ++s) {
      const size_t length = length_of(run, s);
      if (length == 0) continue;
      const bool sums = length <= kLongestSum;
      const size_t size = sums ? 0 : fft_size(length);
      Group& group = groups[sums ? 0 : constant ? size : length];
      group.length = length;
      group.series.push_back(s);
      if (sums || group.plan != nullptr) continue;
      group.plan = spectra_.plan(size);
      if (constant) group.spectrum = spectra_.of(call, group.plan->plan(), *run.filter, held);
      if (group.spectrum != nullptr) held += group.spectrum->capacity();
    }
    std::vector<Group> list;
    for (auto& entry : groups) list.push_back(std::move(entry.second));
    return list;
  }

  static size_t length_of(const Run& run, size_t series) {
    return static_cast<size_t>(run.offsets[series + 1] - run.offsets[series]);
  }

  // All series of a group at once where a spectrum has to be made, in parts only where threads want for work.
  std::vector<Task> tasks_of(const Call& call, const std::vector<Group>& groups) const {
    const size_t blocks = (channels_ + kFftChannels - 1) / kFftChannels;
    const size_t wanted = 4 * static_cast<size_t>(call.threads().threads());
    std::vector<Task> tasks;
    for (const Group& group : groups) {
      const size_t count = group.series.size();
      const bool makes_spectrum = group.plan != nullptr && group.spectrum == nullptr;
      const size_t parts = makes_spectrum ? std::min(count, (wanted + blocks - 1) / blocks) : count;
      for (size_t block = 0; block < blocks; ++block) {
        for (size_t part = 0; part < parts; ++part) {
          tasks.push_back({&group, block * kFftChannels, part * count / parts, (part + 1) * count / parts});
        }
      }
    }
    return tasks;
  }

  void compute(const Call& call, const Run& run, const Task& task, float* work, float* made) const {
    const FftKernels& kernels = *call.kernels().fft;
    const Group& group = *task.group;
    FilterArgs filter{};
    filter.lags = run.filter->rows();
    filter.channels = std::min(kFftChannels, channels_ - task.channel);
    filter.filter = run.filter->data<float>() + task.channel;
    filter.filter_stride = static_cast<ptrdiff_t>(channels_);
    const float* spectrum = made;
    if (group.spectrum != nullptr) {
      spectrum = reinterpret_cast<const float*>(group.spectrum->data()) +
                 task.channel / kFftChannels * group.plan->plan().size * kFftPoint;
    } else if (group.plan != nullptr) {
      if (!call.is_weight(1)) filter.lags = std::min(filter.lags, group.length);
      kernels.spectrum_f32(group.plan->plan(), filter, made);
    }
    for (size_t i = task.begin; i < task.end; ++i) {
      const LongConvArgs args = arguments(run, group.series[i], task.channel, work);
      if (group.plan != nullptr) {
        kernels.convolve_f32(group.plan->plan(), spectrum, args);
      } else {
        kernels.sum_f32(filter, args);
      }
    }
  }

  LongConvArgs arguments(const Run& run, size_t series, size_t channel, float* work) const {
    const auto row = static_cast<size_t>(run.offsets[series]);
    LongConvArgs args{};
    args.length = length_of(run, series);
    args.channels = std::min(kFftChannels, channels_ - channel);
    args.x = run.x.at(row, channel), args.x_stride = run.x.stride;
    args.pre = run.pre.at(row, channel), args.pre_stride = run.pre.stride;
    args.post = run.post.at(row, channel), args.post_stride = run.post.stride;
    args.skip = run.skip == nullptr ? nullptr : run.skip + channel;
    args.out = run.y + row * channels_ + channel, args.out_stride = static_cast<ptrdiff_t>(channels_);
    args.work = work;
    return args;
  }

  size_t channels_;
  size_t x_column_;
  size_t pre_column_;
  size_t post_column_;
  mutable FilterSpectra spectra_;
};

}  // namespace

const OperatorInfo& long_conv_operator() {
  static const OperatorInfo info{"long_conv", 3, 6, 1, create<LongConv>};
  return info;
}

}  // namespace tidemerge
