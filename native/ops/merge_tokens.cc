#include "ops/merge_tokens.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "ops/create.h"
#include "ops/merge_links.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

constexpr int32_t kNobody = -1;

// Rows that stay as they are and beside each other are copied together up to this size. Beyond, nothing is gained, and
// C libraries turn to string instructions, which are slow on some processors.
constexpr size_t kCopiedFloats = 512;

// Larger results leave the caches before they are used anyway; they are written past them, which spares reading what
// they overwrite: a fifth of the time of the whole operator where the tokens live in memory.
constexpr size_t kStreamedFloats = size_t{1} << 20;

// Where every row of the batch goes, and who joins it: a list of A rows behind each B row, in ascending order.
struct Places {
  explicit Places(size_t rows) : next(rows, kNobody), target(rows, kNobody) {}

  // How many of the rows from `row` to `end` stay as they are, one beside the other; `row` is one of them.
  size_t untouched(size_t row, size_t end) const {
    size_t r = row + 1;
    while (r < end && next[r] == kNobody && target[r] != kNobody) ++r;
    return r - row;
  }

  std::vector<int32_t> next;    // by row: the next row that merges into the same B row
  std::vector<int32_t> target;  // by row: the new row of the batch, or nobody for a row that merged away
};

class MergeRun {
 public:
  MergeRun(Call& call, const MergeRule& rule, bool weighted, bool drop)
      : call_(call),
        rule_(rule),
        weighted_(weighted),
        drop_(drop),
        x_(call.input(0, "x", DType::kFloat32)),
        kernels_(*call.kernels().merge) {
    size_t batch = 0;
    offsets_ = call.offsets(1, "offsets", x_.rows(), batch);
    sizes_ = call.has(2) ? call.input(2, "sizes", DType::kFloat32, x_.rows(), 1).data<float>() : nullptr;
    const Tensor& metric = call.has(3) ? call.input(3, "metric", DType::kFloat32) : x_;
    if (metric.rows() != x_.rows()) {
      call.shape_error("metric", "shape [" + std::to_string(x_.rows()) + ", *] like x", shape_text(metric));
    }
    mask_ = call.has(4) ? call.input(4, "mask", DType::kUint8, x_.rows(), 1).data<uint8_t>() : nullptr;
    view_ = {metric.data<float>(), metric.cols(), mask_, offsets_, batch};
    check_sizes();
    if (rule.common) check_lengths();
  }

  void run() {
    const size_t batch = view_.batch;
    MergeLinks links{first_pairs(view_), nullptr, nullptr};
    links.best = call_.output(6, DType::kFloat32, links.first[batch], 1).data<float>();
    links.choice = call_.output(7, DType::kInt32, links.first[batch], 1).data<int32_t>();
    find_links(call_, view_, rule_, links);
    const auto chosen = choose_links(call_, view_, rule_, links);
    write_links(links, chosen);
    const Places places = place(links, chosen);
    write_tokens(places);
  }

 private:
  void check_sizes() const {
    for (size_t r = 0; sizes_ != nullptr && r < x_.rows(); ++r) {
      if (!(sizes_[r] > 0.0f && std::isfinite(sizes_[r]))) {
        call_.argument_error("sizes", "finite numbers above 0",
                             std::to_string(sizes_[r]) + " in row " + std::to_string(r));
      }
    }
  }

  void check_lengths() const {
    for (size_t b = 1; b < view_.batch; ++b) {
      if (view_.tokens(b) != view_.tokens(0)) {
        call_.shape_error("offsets", "equal lengths for one common count",
                          std::to_string(view_.tokens(0)) + " and " + std::to_string(view_.tokens(b)));
      }
    }
  }

  void write_links(const MergeLinks& links, const std::vector<std::vector<int32_t>>& chosen) {
    size_t removed = 0;
    for (const auto& sources : chosen) removed += sources.size();
    removed_ = removed;
    float* last = call_.output(5, DType::kFloat32, view_.batch, 1).data<float>();
    int32_t* pairs = call_.output(8, DType::kInt32, removed, 2).data<int32_t>();
    for (size_t b = 0; b < view_.batch; ++b) {
      const size_t first = links.first[b];
      for (const int32_t source : chosen[b]) {
        *pairs++ = source;
        *pairs++ = links.choice[first + static_cast<size_t>(source)];
      }
      last[b] = chosen[b].empty() ? std::numeric_limits<float>::quiet_NaN()
                                  : links.best[first + static_cast<size_t>(chosen[b].back())];
    }
  }

  // Writes the map and the new offsets.
  Places place(const MergeLinks& links, const std::vector<std::vector<int32_t>>& chosen) {
    Places places(x_.rows());
    int32_t* new_offsets = call_.output(2, DType::kInt32, view_.batch + 1, 1).data<int32_t>();
    int32_t* map = call_.output(3, DType::kInt32, x_.rows(), 1).data<int32_t>();
    new_offsets[0] = 0;
    std::vector<char> gone;
    for (size_t b = 0; b < view_.batch; ++b) {
      const int32_t from = offsets_[b];
      const size_t tokens = view_.tokens(b);
      const int32_t* choice = links.choice + links.first[b];
      gone.assign(tokens, 0);
      for (const int32_t source : chosen[b]) gone[static_cast<size_t>(2 * source)] = 1;
      int32_t count = 0;
      for (size_t p = 0; p < tokens; ++p) {
        // No branches: which tokens merge is unpredictable.
        const size_t row = static_cast<size_t>(from) + p;
        places.target[row] = gone[p] ? kNobody : new_offsets[b] + count;
        map[row] = count;
        count += !gone[p];
      }
      // Backwards, each in front of those already there: lists in ascending order.
      for (size_t p = tokens - tokens % 2; p >= 2; p -= 2) {
        if (!gone[p - 2]) continue;
        const int32_t source = static_cast<int32_t>(p / 2) - 1;
        const size_t a = static_cast<size_t>(from + 2 * source);
        const size_t b_row = static_cast<size_t>(from + 2 * choice[source] + 1);
        map[a] = map[b_row];
        places.next[a] = places.next[b_row];
        places.next[b_row] = static_cast<int32_t>(a);
      }
      new_offsets[b + 1] = new_offsets[b] + count;
    }
    return places;
  }

  void write_tokens(const Places& places) {
    const size_t rows = x_.rows() - removed_;
    const size_t channels = x_.cols();
    float* tokens = call_.output(0, DType::kFloat32, rows, channels).data<float>();
    float* sizes = call_.output(1, DType::kFloat32, rows, 1).data<float>();
    uint8_t* mask = call_.output(4, DType::kUint8, rows, 1).data<uint8_t>();
    streams_ = rows * channels >= kStreamedFloats;
    const size_t together = std::max(size_t{1}, kCopiedFloats / std::max(channels, size_t{1}));
    for_ranges(call_, x_.rows(), channels, [&](size_t begin, size_t end, int) {
      std::vector<const float*> members;
      std::vector<float> shares;
      for (size_t r = begin; r < end; ++r) {
        if (places.target[r] == kNobody) continue;
        const size_t to = static_cast<size_t>(places.target[r]);
        const float* from = x_.data<float>() + r * channels;
        if (places.next[r] == kNobody) {
          const size_t count = places.untouched(r, std::min(end, r + together));
          copy_rows(r, count, tokens + to * channels, sizes + to, mask + to);
          r += count - 1;
        } else {
          mask[to] = mask_ == nullptr || mask_[r] != 0;
          sizes[to] = gather(places, r, members, shares);
          if (drop_) {
            std::copy_n(from, channels, tokens + to * channels);
            continue;
          }
          sum(members.data(), shares.data(), members.size(), tokens + to * channels);
        }
      }
      if (streams_) kernels_.finish_streamed_sums();
    });
  }

  void sum(const float* const* rows, const float* shares, size_t members, float* out) const {
    (streams_ ? kernels_.streamed_sum : kernels_.weighted_sum)(rows, shares, members, x_.cols(), out);
  }

  void copy_rows(size_t first, size_t count, float* tokens, float* sizes, uint8_t* mask) const {
    const size_t channels = x_.cols();
    const float* from = x_.data<float>() + first * channels;
    for (size_t i = 0; i < count; ++i) {
      sizes[i] = size_of_row(first + i);
      mask[i] = mask_ == nullptr || mask_[first + i] != 0;
      const float* row = from + i * channels;
      const float all = 1.0f;
      if (streams_) kernels_.streamed_sum(&row, &all, 1, channels, tokens + i * channels);
    }
    if (!streams_ && channels != 0) std::memcpy(tokens, from, count * channels * sizeof(float));
  }

  float size_of_row(size_t r) const { return sizes_ == nullptr ? 1.0f : sizes_[r]; }

  // The members of a new token and their shares of its mean; returns its size. In double: sizes are many.
  float gather(const Places& places, size_t r, std::vector<const float*>& members, std::vector<float>& shares) const {
    members.clear();
    shares.clear();
    if (sizes_ == nullptr) return gather_ones(places, r, members, shares);
    double size = 0, weight = 0;
    for (int32_t m = static_cast<int32_t>(r); m != kNobody; m = places.next[static_cast<size_t>(m)]) {
      const size_t row = static_cast<size_t>(m);
      members.push_back(x_.data<float>() + row * x_.cols());
      shares.push_back(weighted_ ? size_of_row(row) : 1.0f);
      size += static_cast<double>(size_of_row(row));
      weight += static_cast<double>(shares.back());
    }
    for (float& share : shares) share = static_cast<float>(static_cast<double>(share) / weight);
    return static_cast<float>(size);
  }

  // The same where every token stands for itself.
  float gather_ones(const Places& places, size_t r, std::vector<const float*>& members,
                    std::vector<float>& shares) const {
    for (int32_t m = static_cast<int32_t>(r); m != kNobody; m = places.next[static_cast<size_t>(m)]) {
      members.push_back(x_.data<float>() + static_cast<size_t>(m) * x_.cols());
    }
    const double count = static_cast<double>(members.size());
    shares.assign(members.size(), static_cast<float>(1.0 / count));
    return static_cast<float>(count);
  }

  Call& call_;
  const MergeRule& rule_;
  bool weighted_;
  bool drop_;
  const Tensor& x_;
  const MergeKernels& kernels_;
  bool streams_ = false;
  const int32_t* offsets_ = nullptr;
  const float* sizes_ = nullptr;   // or null: ones
  const uint8_t* mask_ = nullptr;  // or null: all take part
  MergeTokensView view_{};
  size_t removed_ = 0;
};

class MergeTokens final : public Operator {
 public:
  explicit MergeTokens(const Attributes& attributes)
      : rule_(attributes), weighted_(attributes.boolean("weighted")), drop_(attributes.boolean("drop", false)) {}
  void run(Call& call) const override { MergeRun(call, rule_, weighted_, drop_).run(); }

 private:
  MergeRule rule_;
  bool weighted_;
  bool drop_;
};

}  // namespace

const OperatorInfo& merge_tokens_operator() {
  static const OperatorInfo info{"merge_tokens", 2, 5, 9, create<MergeTokens>};
  return info;
}

}  // namespace tidemerge
