#include "kernels/window_attention/window_attention.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/window_attention/window_attention_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// A window of `count` steps that begins at step `begin` of what is kept. Around it stands what must not matter.
struct Problem {
  Problem(size_t count, size_t head_dim, size_t begin, size_t misalignment, float scale)
      : q(head_dim, misalignment),
        keys(head_dim * stride(begin + count), misalignment),
        values((begin + count) * stride(head_dim), 3 - misalignment),
        out(head_dim, misalignment),
        scratch(count + kWindowSlack, misalignment) {
    for (float& x : keys) x = kNan;
    for (float& x : values) x = kNan;
    Random random(count * 100 + head_dim);
    random.fill_normal(q.data(), head_dim);
    args.q = q.data();
    args.key_stride = stride(begin + count);
    args.value_stride = stride(head_dim);
    args.keys = keys.data() + begin;
    args.values = values.data() + begin * args.value_stride;
    args.count = count;
    args.head_dim = head_dim;
    args.scale = scale;
    args.out = out.data();
    for (size_t j = 0; j < count; ++j) {
      for (size_t c = 0; c < head_dim; ++c) key(j, c) = random.normal(), value(j, c) = random.normal();
    }
  }
  static size_t stride(size_t n) { return n + kWindowSlack; }
  float& key(size_t j, size_t c) {
    return keys[static_cast<size_t>(args.keys - keys.data()) + c * args.key_stride + j];
  }
  float& value(size_t j, size_t c) {
    return values[static_cast<size_t>(args.values - values.data()) + j * args.value_stride + c];
  }
  void run(const KernelSet& set) { set.window_attention->attend(args, scratch.data()); }

  GuardedBuffer<float> q, keys, values, out, scratch;
  WindowAttentionArgs args{};
};

double unit_of(const KernelSet& set) { return std::strcmp(set.name, "baseline") == 0 ? 0x1p-23 : 0x1p-24; }

void check(const KernelSet& set, size_t count, size_t head_dim, size_t begin, size_t misalignment, float scale) {
  TRACE("count = %zu, head_dim = %zu, begin = %zu, misalignment = %zu, scale = %g", count, head_dim, begin,
        misalignment, static_cast<double>(scale));
  Problem problem(count, head_dim, begin, misalignment, scale);
  const auto expected = reference::window_attention(problem.args, unit_of(set));
  problem.run(set);
  for (size_t c = 0; c < head_dim; ++c) EXPECT_NEAR(problem.out[c], expected.out[c], expected.bound);
  EXPECT_TRUE(problem.out.intact() && problem.scratch.intact() && problem.keys.intact() && problem.values.intact());
}

TEST(window_attention_every_size) {
  for_each_set([](const KernelSet& set) {
    for (size_t count = 0; count <= 150; ++count) check(set, count, 7, count % 5, count % 4, 0.4f);
    for (size_t head_dim = 1; head_dim <= 140; ++head_dim) check(set, 23, head_dim, 3, head_dim % 4, 0.2f);
    for (float scale : {0.0f, -1.0f, 1e-3f, 40.0f}) check(set, 199, 38, 1, 2, scale);
    check(set, 4000, 3, 7, 1, 1.0f);
  });
}

TEST(window_attention_does_not_depend_on_where_the_window_stands) {
  for_each_set([](const KernelSet& set) {
    for (size_t head_dim : {3u, 38u, 64u}) {
      Problem first(75, head_dim, 0, 0, 0.3f);
      first.run(set);
      for (size_t begin = 1; begin < 40; begin += 3) {
        Problem other(75, head_dim, begin, begin % 4, 0.3f);
        other.run(set);
        EXPECT_TRUE(first.out.same_bytes(other.out));
      }
    }
  });
}

TEST(window_attention_special_values) {
  for_each_set([](const KernelSet& set) {
    for (size_t count : {1u, 9u, 40u}) {
      for (size_t place = 0; place < count; ++place) {
        for (float special : {kNan, kInfinity, -kInfinity}) {
          TRACE("count = %zu, place = %zu, special = %g", count, place, static_cast<double>(special));
          Problem problem(count, 5, 2, 1, 1.0f);
          problem.q[0] = 1.0f;
          problem.key(place, 0) = special;
          problem.run(set);
          const bool nan = special != -kInfinity || count == 1;
          for (float x : problem.out) EXPECT_EQ(std::isnan(x), nan);
          if (nan) continue;
          problem.key(place, 0) = -1e5f;
          const auto expected = reference::window_attention(problem.args, unit_of(set));
          for (size_t c = 0; c < 5; ++c) EXPECT_NEAR(problem.out[c], expected.out[c], expected.bound);
        }
      }
    }
  });
}

}  // namespace
}  // namespace tidemerge
