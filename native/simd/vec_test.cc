#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/bf16.h"
#include "simd/vec_probe.h"
#include "testing/test.h"
#include "testing/test_kernels.h"

namespace tidemerge {
namespace {

using testing::GuardedBuffer;
using testing::Random;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr int kMaxLanes = 16;

template <typename Check>
void for_each_probe(Check check) {
  testing::for_each_set([&](const KernelSet& set) { check(*testing::test_kernels(set).vec); });
}

std::vector<float> interesting_floats() {
  std::vector<float> values;
  for (float x : {0.0f,       kSmallest,  0x1p-130f,  0x1p-126f,   0.25f,    0.5f,  0.75f,      1.0f,
                  1.5f,       2.0f,       2.5f,       3.5f,        3.49999f, 1e6f,  4194303.5f, 4194304.5f,
                  8388607.5f, 8388608.0f, 8388609.0f, 16777216.0f, 2e9f,     1e20f, kLargest,   kInfinity}) {
    values.push_back(x);
    values.push_back(-x);
  }
  values.push_back(kNan);
  Random random(3);
  for (int i = 0; i < 400; ++i) values.push_back(f32_from_bits(static_cast<uint32_t>(random.next_bits())));
  for (int i = 0; i < 400; ++i) values.push_back(random.uniform(-9e6f, 9e6f));
  while (values.size() % kMaxLanes != 0) values.push_back(1.0f);
  return values;
}

// Equal as values, with NaN equal to NaN and the zeros told apart.
bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || bits_from_f32(a) == bits_from_f32(b); }

void expect_same(float actual, float expected, float a, float b) {
  testing::count_expectation();
  if (same(actual, expected)) return;
  TRACE("a = %a, b = %a", static_cast<double>(a), static_cast<double>(b));
  EXPECT_EQ(bits_from_f32(actual), bits_from_f32(expected));
}

// Every value against every other, in every lane position.
template <typename Operation, typename Exact>
void check_binary(const VecProbe& probe, Operation operation, Exact exact) {
  const std::vector<float> values = interesting_floats();
  const size_t count = values.size();
  for (size_t shift = 0; shift < 50; ++shift) {
    for (size_t i = 0; i < count; i += static_cast<size_t>(probe.lanes)) {
      float a[kMaxLanes], b[kMaxLanes], y[kMaxLanes];
      for (int lane = 0; lane < probe.lanes; ++lane) {
        a[lane] = values[i + static_cast<size_t>(lane)];
        b[lane] = values[(i + static_cast<size_t>(lane) + shift) % count];
      }
      operation(a, b, y);
      for (int lane = 0; lane < probe.lanes; ++lane) expect_same(y[lane], exact(a[lane], b[lane]), a[lane], b[lane]);
    }
  }
}

template <typename Operation, typename Exact>
void check_unary(const VecProbe& probe, Operation operation, Exact exact) {
  check_binary(
      probe, [&](const float* a, const float*, float* y) { operation(a, y); },
      [&](float a, float) { return exact(a); });
}

TEST(vec_arithmetic_is_that_of_scalars) {
  for_each_probe([](const VecProbe& p) {
    check_binary(p, p.add, [](float a, float b) { return a + b; });
    check_binary(p, p.sub, [](float a, float b) { return a - b; });
    check_binary(p, p.mul, [](float a, float b) { return a * b; });
    check_binary(p, p.div, [](float a, float b) { return a / b; });
    check_binary(p, p.min, [](float a, float b) { return a < b ? a : b; });
    check_binary(p, p.max, [](float a, float b) { return a > b ? a : b; });
    check_unary(p, p.sqrt, [](float a) { return std::sqrt(a); });
  });
}

TEST(vec_sign_and_rounding) {
  for_each_probe([](const VecProbe& p) {
    check_unary(p, p.abs, [](float a) { return std::fabs(a); });
    check_unary(p, p.neg, [](float a) { return -a; });
    check_binary(p, p.copysign, [](float a, float b) { return std::copysign(a, b); });
    check_unary(p, p.floor, [](float a) { return std::floor(a); });
    check_unary(p, p.round_even, [](float a) { return std::nearbyint(a); });
  });
}

TEST(vec_fma_rounds_once_where_it_says_so) {
  for_each_probe([](const VecProbe& p) {
    for (float c : {-1.0f, 0.0f, 3.0f, -0x1p-40f, 1e10f}) {
      check_binary(
          p,
          [&](const float* a, const float* b, float* y) {
            const float addend[kMaxLanes] = {c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c};
            p.fma(a, b, addend, y);
          },
          [&](float a, float b) {
            const float product = a * b;
            return p.fused_multiply_add ? std::fma(a, b, c) : product + c;
          });
      check_binary(
          p,
          [&](const float* a, const float* b, float* y) {
            const float addend[kMaxLanes] = {c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c};
            p.fnma(a, b, addend, y);
          },
          [&](float a, float b) {
            const float product = a * b;
            return p.fused_multiply_add ? std::fma(-a, b, c) : c - product;
          });
    }
  });
}

TEST(vec_comparisons_are_false_for_nan) {
  const auto as_float = [](auto compare) {
    return [compare](const float* a, const float* b, float* y) {
      int32_t flags[kMaxLanes] = {};
      compare(a, b, flags);
      for (int i = 0; i < kMaxLanes; ++i) y[i] = static_cast<float>(flags[i]);
    };
  };
  for_each_probe([&](const VecProbe& p) {
    check_binary(p, as_float(p.lt), [](float a, float b) { return a < b ? 1.0f : 0.0f; });
    check_binary(p, as_float(p.le), [](float a, float b) { return a <= b ? 1.0f : 0.0f; });
    check_binary(p, as_float(p.gt), [](float a, float b) { return a > b ? 1.0f : 0.0f; });
    check_binary(p, as_float(p.ge), [](float a, float b) { return a >= b ? 1.0f : 0.0f; });
    check_binary(p, as_float(p.eq), [](float a, float b) { return a == b ? 1.0f : 0.0f; });
    const auto is_nan = [&](const float* a, const float*, int32_t* y) { p.is_nan(a, y); };
    check_binary(p, as_float(is_nan), [](float a, float) { return std::isnan(a) ? 1.0f : 0.0f; });
  });
}

TEST(vec_masks) {
  for_each_probe([](const VecProbe& p) {
    Random random(5);
    for (int trial = 0; trial < 400; ++trial) {
      float a[kMaxLanes], b[kMaxLanes];
      // Also all set and none set, which random flags of sixteen lanes hardly ever are.
      for (int i = 0; i < p.lanes; ++i) {
        a[i] = trial % 4 == 0 ? 0.0f : (trial % 4 == 1 ? 1.0f : static_cast<float>(random.below(2)));
        b[i] = trial % 5 == 0 ? 0.0f : (trial % 5 == 1 ? 1.0f : static_cast<float>(random.below(2)));
      }
      bool expected[6] = {false, true, false, false, false, true};
      for (int i = 0; i < p.lanes; ++i) {
        const bool x = a[i] != 0, y = b[i] != 0;
        expected[0] |= x;
        expected[1] &= x;
        expected[2] |= x && y;
        expected[3] |= x || y;
        expected[4] |= !x && y;
        expected[5] &= !x;
      }
      int32_t actual[6];
      p.masks(a, b, actual);
      for (int i = 0; i < 6; ++i) {
        TRACE("trial %d, result %d", trial, i);
        EXPECT_EQ(actual[i] != 0, expected[i]);
      }
    }
    for (int n = -3; n <= kMaxLanes + 3; ++n) {
      int32_t flags[kMaxLanes];
      p.first_lanes(n, flags);
      for (int i = 0; i < p.lanes; ++i) EXPECT_EQ(flags[i], i < n ? 1 : 0);
    }
  });
}

// The elements of a register, then a tail of every length: what lies behind the tail is neither read (the sanitizer
// build sees it) nor written.
TEST(vec_tails_touch_nothing_behind_them) {
  for_each_probe([](const VecProbe& p) {
    Random random(6);
    for (int n = -2; n <= p.lanes + 2; ++n) {
      const int used = n < 0 ? 0 : (n > p.lanes ? p.lanes : n);
      const size_t size = static_cast<size_t>(used);
      for (size_t misalignment = 0; misalignment < 3; ++misalignment) {
        TRACE("n = %d, misalignment = %zu", n, misalignment);
        GuardedBuffer<float> x(size, misalignment), y(size, misalignment);
        GuardedBuffer<int32_t> ix(size, misalignment), iy(size, misalignment);
        GuardedBuffer<uint16_t> hx(size, misalignment), hy(size, misalignment);
        random.fill_uniform(x.data(), size);
        for (int32_t& value : ix) value = static_cast<int32_t>(random.next_bits());
        for (uint16_t& value : hx) value = static_cast<uint16_t>(random.below(0x7f80));
        float loaded[kMaxLanes];
        int32_t loaded_int[kMaxLanes];
        p.load_first(x.data(), n, loaded);
        for (int i = 0; i < p.lanes; ++i) EXPECT_EQ(loaded[i], i < used ? x[static_cast<size_t>(i)] : 0.0f);
        p.store_first(loaded, n, y.data());
        EXPECT_TRUE(y.same_bytes(x) && y.intact() && x.intact());
        p.load_first_int(ix.data(), n, loaded_int);
        for (int i = 0; i < p.lanes; ++i) EXPECT_EQ(loaded_int[i], i < used ? ix[static_cast<size_t>(i)] : 0);
        p.store_first_int(loaded_int, n, iy.data());
        EXPECT_TRUE(iy.same_bytes(ix) && iy.intact() && ix.intact());
        p.load_first_bf16(hx.data(), n, loaded);
        for (int i = 0; i < p.lanes; ++i) {
          EXPECT_EQ(bits_from_f32(loaded[i]), i < used ? static_cast<uint32_t>(hx[static_cast<size_t>(i)]) << 16 : 0u);
        }
        p.store_first_bf16(loaded, n, hy.data());
        EXPECT_TRUE(hy.same_bytes(hx) && hy.intact() && hx.intact());
      }
    }
  });
}

TEST(vec_integers) {
  for_each_probe([](const VecProbe& p) {
    Random random(8);
    for (int trial = 0; trial < 200; ++trial) {
      int32_t a[kMaxLanes], b[kMaxLanes], y[kMaxLanes];
      float f[kMaxLanes];
      for (int i = 0; i < p.lanes; ++i) {
        a[i] = static_cast<int32_t>(random.next_bits());
        b[i] = trial % 2 == 0 ? a[i] : static_cast<int32_t>(random.next_bits());
      }
      const auto wrap = [](uint32_t value) { return static_cast<int32_t>(value); };
      const auto check = [&](auto exact) {
        for (int i = 0; i < p.lanes; ++i) EXPECT_EQ(y[i], exact(a[i], b[i]));
      };
      using I = int32_t;
      using U = uint32_t;
      p.add_int(a, b, y), check([&](I x, I z) { return wrap(static_cast<U>(x) + static_cast<U>(z)); });
      p.sub_int(a, b, y), check([&](I x, I z) { return wrap(static_cast<U>(x) - static_cast<U>(z)); });
      p.mul_int(a, b, y), check([&](I x, I z) { return wrap(static_cast<U>(x) * static_cast<U>(z)); });
      p.bit_and(a, b, y), check([](I x, I z) { return x & z; });
      p.bit_or(a, b, y), check([](I x, I z) { return x | z; });
      p.bit_xor(a, b, y), check([](I x, I z) { return x ^ z; });
      p.eq_int(a, b, y), check([](I x, I z) { return x == z ? 1 : 0; });
      p.gt_int(a, b, y), check([](I x, I z) { return x > z ? 1 : 0; });
      p.shift_left_5(a, y), check([&](I x, I) { return wrap(static_cast<U>(x) << 5); });
      p.shift_right_5(a, y), check([](I x, I) { return x >> 5; });
      p.shift_right_logical_5(a, y), check([&](I x, I) { return wrap(static_cast<U>(x) >> 5); });
      p.to_float(a, f);
      for (int i = 0; i < p.lanes; ++i) EXPECT_EQ(f[i], static_cast<float>(a[i]));
    }
  });
}

TEST(vec_to_int_rounds_to_even) {
  for_each_probe([](const VecProbe& p) {
    std::vector<float> values = {0.0f,        -0.0f,         0.5f,           -0.5f,        1.5f,       -1.5f,
                                 2.5f,        -2.5f,         0.49999997f,    -0.49999997f, 8388607.5f, -4194303.5f,
                                 16777217.0f, 2147483520.0f, -2147483648.0f, 1e-40f};
    for (size_t i = 0; i < values.size(); i += static_cast<size_t>(p.lanes)) {
      int32_t y[kMaxLanes];
      p.to_int(values.data() + i, y);
      for (int lane = 0; lane < p.lanes; ++lane) {
        EXPECT_EQ(y[lane], static_cast<int32_t>(std::nearbyint(values[i + static_cast<size_t>(lane)])));
      }
    }
  });
}

TEST(vec_scale_pow2_rounds_once) {
  for_each_probe([](const VecProbe& p) {
    std::vector<float> mantissas = {
        1.0f,        1.5f,      0x1.000002p0f,   0x1.fffffep0f,   0x1.7ffffep0f,   -1.25f,
        0x1.5p-140f, kSmallest, 0x1.fffffep127f, -0x1.abcdefp-3f, 0x1.800002p-60f, 0x1.fffffep90f};
    for (float x : mantissas) {
      for (int n = -300; n <= 300; ++n) {
        float a[kMaxLanes], b[kMaxLanes], y[kMaxLanes];
        for (int lane = 0; lane < p.lanes; ++lane) a[lane] = x, b[lane] = static_cast<float>(n);
        p.scale_pow2(a, b, y);
        expect_same(y[p.lanes - 1], std::ldexp(x, n), x, b[0]);
        if (std::fabs(x) >= 0x1p-40f && std::fabs(x) <= 0x1p40f && std::abs(n) <= 200) {
          p.scale_pow2_unit(a, b, y);
          expect_same(y[0], std::ldexp(x, n), x, b[0]);
        }
      }
    }
    for (float x : {0.0f, -0.0f, kInfinity, -kInfinity, kNan}) {
      float a[kMaxLanes], b[kMaxLanes], y[kMaxLanes];
      for (int lane = 0; lane < p.lanes; ++lane) a[lane] = x, b[lane] = static_cast<float>(lane * 10 - 40);
      p.scale_pow2(a, b, y);
      for (int lane = 0; lane < p.lanes; ++lane) expect_same(y[lane], x, x, b[lane]);
    }
  });
}

TEST(vec_reductions_follow_one_tree) {
  for_each_probe([](const VecProbe& p) {
    Random random(9);
    for (int trial = 0; trial < 200; ++trial) {
      float a[kMaxLanes], tree[kMaxLanes];
      random.fill_normal(a, kMaxLanes, trial % 2 == 0 ? 1.0f : 1e6f);
      std::memcpy(tree, a, sizeof a);
      for (int width = p.lanes / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; ++i) tree[i] += tree[i + width];
      }
      EXPECT_EQ(p.reduce_add(a), tree[0]);
      float low = a[0], high = a[0];
      for (int i = 1; i < p.lanes; ++i) low = std::fmin(low, a[i]), high = std::fmax(high, a[i]);
      EXPECT_EQ(p.reduce_min(a), low);
      EXPECT_EQ(p.reduce_max(a), high);
    }
  });
}

TEST(vec_bf16_rounds_like_the_scalar_conversion) {
  for_each_probe([](const VecProbe& p) {
    std::vector<float> values = interesting_floats();
    for (uint32_t bits :
         {0x3f808000u, 0x3f818000u, 0x3f808001u, 0x3f807fffu, 0x7f7f7fffu, 0x7f7f8000u, 0x00008000u, 0x00018000u,
          0x00000001u, 0x7f800001u, 0xffffffffu, 0x7fffffffu, 0x7fc00001u, 0x80008001u, 0x7f808000u, 0x7fff8000u}) {
      values.push_back(f32_from_bits(bits));
    }
    for (size_t i = 0; i < values.size(); i += static_cast<size_t>(p.lanes)) {
      uint16_t y[kMaxLanes];
      float back[kMaxLanes];
      p.store_bf16(values.data() + i, y);
      p.load_bf16(y, back);
      for (int lane = 0; lane < p.lanes; ++lane) {
        TRACE("%a", static_cast<double>(values[i + static_cast<size_t>(lane)]));
        EXPECT_EQ(y[lane], bf16_from_f32(values[i + static_cast<size_t>(lane)]));
        EXPECT_EQ(bits_from_f32(back[lane]), static_cast<uint32_t>(y[lane]) << 16);
      }
    }
  });
}

// The scalar conversion itself: the nearest of the two neighbours, the even one half-way.
TEST(bf16_rounds_to_nearest_even) {
  for (uint32_t upper = 0; upper < 0x7f80u; upper += 7) {
    for (uint32_t lower : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const uint32_t up = lower > 0x8000u || (lower == 0x8000u && (upper & 1u) != 0) ? 1u : 0u;
      for (uint32_t sign : {0u, 0x8000u}) {
        const float value = f32_from_bits(((sign | upper) << 16) | lower);
        EXPECT_EQ(bf16_from_f32(value), static_cast<uint16_t>(sign | (upper + up)));
      }
    }
  }
  EXPECT_EQ(bf16_from_f32(kInfinity), static_cast<uint16_t>(0x7f80));
  EXPECT_EQ(bf16_from_f32(kLargest), static_cast<uint16_t>(0x7f80));
  for (uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu, 0x7fc00000u}) {
    EXPECT_TRUE(std::isnan(f32_from_bf16(bf16_from_f32(f32_from_bits(bits)))));
  }
}

}  // namespace
}  // namespace tidemerge
