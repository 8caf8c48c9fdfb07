#include "kernels/gemm/gemm.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "kernels/gemm/gemm_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;
using testing::reference_element;
using testing::rounds_activations;

constexpr WeightType kTypes[] = {WeightType::kF32, WeightType::kBf16};
constexpr Activation kActivations[] = {Activation::kNone, Activation::kRelu, Activation::kGelu, Activation::kGeluTanh,
                                       Activation::kSilu};

struct Shape {
  size_t m, n, k;
};

struct Options {
  WeightType type = WeightType::kF32;
  Activation activation = Activation::kNone;
  bool bias = false;
  bool residual = false;
  bool residual_is_c = false;
};

// A product with all its arrays: guarded, misaligned, rows further apart than they are long. What lies between the rows
// is NaN in the inputs and must stay untouched in C.
class Problem {
 public:
  Problem(const KernelSet& set, Shape shape, Options options, uint64_t seed = 1)
      : set_(set),
        shape_(shape),
        options_(options),
        a_stride_(shape.k + 3),
        w_stride_(shape.k + 1),
        c_stride_(shape.n + 2),
        residual_stride_(options.residual_is_c ? c_stride_ : shape.n + 1),
        a(shape.m * a_stride_, 1),
        w(shape.n * w_stride_, 3),
        w_bf16(shape.n * w_stride_, 1),
        bias(shape.n, 2),
        residual(shape.m * residual_stride_, 3),
        c(shape.m * c_stride_, 1),
        packed(set.gemm->packed_bytes(options.type, shape.n, shape.k)) {
    Random random(seed);
    for (size_t i = 0; i < shape.m; ++i) random.fill_normal(&a[i * a_stride_], shape.k);
    for (size_t j = 0; j < shape.n; ++j) {
      for (size_t i = 0; i < shape.k; ++i) set_weight(j, i, random.normal());
    }
    random.fill_normal(bias.data(), shape.n);
    for (size_t i = 0; i < shape.m; ++i) random.fill_normal(&residual[i * residual_stride_], shape.n);
  }

  // bf16 problems keep in `w` what the kernel sees: rounded values.
  void set_weight(size_t j, size_t i, float value) {
    w_bf16[j * w_stride_ + i] = bf16_from_f32(value);
    w[j * w_stride_ + i] = options_.type == WeightType::kBf16 ? f32_from_bf16(bf16_from_f32(value)) : value;
  }
  float& activation_at(size_t i, size_t kk) { return a[i * a_stride_ + kk]; }

  void pack() {
    if (options_.type == WeightType::kF32) {
      set_.gemm->pack_f32(w.data(), w_stride_, shape_.n, shape_.k, packed.data());
    } else {
      set_.gemm->pack_bf16(w_bf16.data(), w_stride_, shape_.n, shape_.k, packed.data());
    }
  }

  void start_c() {
    std::fill(c.begin(), c.end(), 77.0f);
    if (!options_.residual_is_c) return;
    for (size_t i = 0; i < shape_.m; ++i) {
      std::copy_n(&residual[i * residual_stride_], shape_.n, &c[i * c_stride_]);
    }
  }

  // Rows [row, row + rows), columns [n_begin, n_end).
  void run(size_t row, size_t rows, size_t n_begin, size_t n_end) {
    const float* residual_data = options_.residual_is_c ? c.data() : options_.residual ? residual.data() : nullptr;
    GemmEpilogue epilogue;
    epilogue.bias = options_.bias ? bias.data() : nullptr;
    epilogue.activation = options_.activation;
    epilogue.residual = residual_data ? residual_data + row * residual_stride_ : nullptr;
    epilogue.residual_stride = residual_stride_;
    GuardedBuffer<char> scratch(set_.gemm->scratch_bytes(options_.type, rows, shape_.k));
    set_.gemm->run(options_.type, a.data() + row * a_stride_, a_stride_, rows, packed.data(), shape_.n, shape_.k,
                   n_begin, n_end, c.data() + row * c_stride_, c_stride_, epilogue, scratch.data());
    EXPECT_TRUE(scratch.intact());
  }

  void pack_and_run() {
    pack();
    start_c();
    run(0, shape_.m, 0, shape_.n);
  }

  bool intact() const {
    return a.intact() && w.intact() && w_bf16.intact() && bias.intact() && residual.intact() && c.intact() &&
           packed.intact();
  }

  // Compares C with the reference, and what lies between its rows with what was there.
  void check() {
    for (size_t i = 0; i < shape_.m; ++i) {
      for (size_t j = 0; j < shape_.n; ++j) {
        const bool add_residual = options_.residual || options_.residual_is_c;
        const auto expected = reference_element(set_, options_.type, &a[i * a_stride_], &w[j * w_stride_], shape_.k,
                                                options_.bias ? bias[j] : 0.0, options_.activation,
                                                add_residual ? residual[i * residual_stride_ + j] : 0.0);
        if (!testing::is_near(at(i, j), expected.value, expected.tolerance)) TRACE("row %zu, column %zu", i, j);
        EXPECT_NEAR(at(i, j), expected.value, expected.tolerance);
      }
      for (size_t j = shape_.n; j < c_stride_; ++j) EXPECT_EQ(at(i, j), 77.0f);
    }
    EXPECT_TRUE(intact());
  }

  float at(size_t i, size_t j) const { return c[i * c_stride_ + j]; }
  bool same_row(const Problem& other, size_t i) const {
    return std::memcmp(&c[i * c_stride_], &other.c[i * c_stride_], c_stride_ * sizeof(float)) == 0;
  }

 private:
  const KernelSet& set_;
  Shape shape_;
  Options options_;
  size_t a_stride_, w_stride_, c_stride_, residual_stride_;

 public:
  GuardedBuffer<float> a, w;
  GuardedBuffer<uint16_t> w_bf16;
  GuardedBuffer<float> bias, residual, c;
  GuardedBuffer<char> packed;
};

void check_problem(const KernelSet& set, Shape shape, Options options) {
  TRACE("%s m = %zu, n = %zu, k = %zu, activation %d", options.type == WeightType::kF32 ? "f32" : "bf16", shape.m,
        shape.n, shape.k, static_cast<int>(options.activation));
  Problem problem(set, shape, options, shape.m * 10007 + shape.n * 101 + shape.k);
  problem.pack_and_run();
  problem.check();
}

TEST(gemm_every_row_count) {
  for_each_set([](const KernelSet& set) {
    const size_t panel = set.gemm->panel_width, tile = set.gemm->row_tile;
    for (WeightType type : kTypes) {
      for (size_t m = 1; m <= 3 * tile + 1; ++m) {
        check_problem(set, {m, panel + 1, 19}, {.type = type, .bias = true});
        check_problem(set, {m, 5 * panel, 32}, {.type = type, .residual_is_c = true});
      }
    }
  });
}

TEST(gemm_every_column_count) {
  for_each_set([](const KernelSet& set) {
    const size_t panel = set.gemm->panel_width, tile = set.gemm->row_tile;
    for (WeightType type : kTypes) {
      for (size_t n = 1; n <= 2 * panel + 1; ++n) {
        check_problem(set, {tile + 1, n, 7}, {.type = type, .bias = true, .residual = true});
        check_problem(set, {1, n + 3 * panel, 9}, {.type = type, .activation = Activation::kRelu, .bias = true});
      }
    }
  });
}

TEST(gemm_every_depth) {
  for_each_set([](const KernelSet& set) {
    const size_t panel = set.gemm->panel_width, tile = set.gemm->row_tile;
    for (WeightType type : kTypes) {
      for (size_t k = 0; k <= 70; ++k) {
        check_problem(set, {tile + 2, panel + 3, k}, {.type = type, .bias = true, .residual = true});
        check_problem(set, {2, panel * 2, k}, {.type = type});
        check_problem(set, {9 * tile, panel, k}, {.type = type});  // bf16 panels widened once
      }
    }
  });
}

// Sums taken in several runs over k, and more rows than are packed at once.
TEST(gemm_beyond_the_blocks) {
  for_each_set([](const KernelSet& set) {
    const size_t panel = set.gemm->panel_width, tile = set.gemm->row_tile;
    for (WeightType type : kTypes) {
      check_problem(set, {tile + 1, 5 * panel + 3, 1537}, {.type = type, .bias = true, .residual_is_c = true});
      check_problem(set, {9 * tile + 1, 4 * panel, 3075}, {.type = type, .activation = Activation::kSilu});
      check_problem(set, {1, 2 * panel, 4099}, {.type = type, .bias = true});
      check_problem(set, {700, panel + 1, 200}, {.type = type, .residual_is_c = true});
      check_problem(set, {33 * tile, 3, 2}, {.type = type});
    }
  });
}

TEST(gemm_every_epilogue) {
  for_each_set([](const KernelSet& set) {
    const size_t panel = set.gemm->panel_width, tile = set.gemm->row_tile;
    for (WeightType type : kTypes) {
      for (Activation activation : kActivations) {
        for (int bits = 0; bits < 8; ++bits) {
          Options options = {type, activation, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
          if (options.residual && options.residual_is_c) continue;
          check_problem(set, {tile + 1, 2 * panel + 5, 33}, options);
          check_problem(set, {2, 4 * panel, 16}, options);
        }
      }
    }
  });
}

// A row alone, a row in any batch, any share of the columns: the same bits.
TEST(gemm_rows_and_columns_do_not_depend_on_company) {
  for_each_set([](const KernelSet& set) {
    const size_t panel = set.gemm->panel_width, tile = set.gemm->row_tile;
    const Shape shapes[] = {{3 * tile + 2, 6 * panel + 5, 77}, {9 * tile + 1, 2 * panel, 2049}};
    for (const Shape& shape : shapes) {
      for (WeightType type : kTypes) {
        for (Activation activation : {Activation::kNone, Activation::kGelu}) {
          const Options options = {type, activation, true, false, true};
          TRACE("m = %zu, n = %zu, k = %zu, type %d", shape.m, shape.n, shape.k, static_cast<int>(type));
          Problem whole(set, shape, options), parts(set, shape, options);
          whole.pack_and_run();
          parts.pack();
          Random random(7);
          for (int round = 0; round < 4; ++round) {
            parts.start_c();
            for (size_t row = 0, rows; row < shape.m; row += rows) {
              const size_t limit = round == 0 ? 1 : round == 1 ? 2 : 2 * tile + 3;
              rows = std::min(shape.m - row, round == 0 ? 1 : 1 + random.below(limit));
              for (size_t column = 0, columns; column < shape.n; column += columns) {
                columns = std::min(shape.n - column, panel * (1 + random.below(round == 3 ? 6 : 3)));
                parts.run(row, rows, column, column + columns);
              }
            }
            EXPECT_TRUE(parts.c.same_bytes(whole.c));
          }
        }
      }
    }
  });
}

TEST(gemm_writes_its_columns_only) {
  for_each_set([](const KernelSet& set) {
    const size_t panel = set.gemm->panel_width;
    for (WeightType type : kTypes) {
      Problem problem(set, {3, 4 * panel + 1, 20}, {.type = type, .activation = Activation::kGelu});
      problem.pack();
      problem.start_c();
      problem.run(1, 1, panel, 3 * panel);
      for (size_t i = 0; i < 3; ++i) {
        for (size_t j = 0; j <= 4 * panel; ++j) {
          const bool inside = i == 1 && j >= panel && j < 3 * panel;
          EXPECT_EQ(problem.at(i, j) != 77.0f, inside);
        }
      }
      problem.start_c();
      problem.run(0, 0, 0, 4 * panel + 1);
      problem.run(0, 3, panel, panel);
      for (float value : problem.c) EXPECT_EQ(value, 77.0f);
      EXPECT_TRUE(problem.intact());
    }
  });
}

// The share of a column range can be packed alone, at the offset packed_bytes gives.
TEST(gemm_panels_pack_independently) {
  for_each_set([](const KernelSet& set) {
    const size_t panel = set.gemm->panel_width;
    for (WeightType type : kTypes) {
      const Shape shape = {1, 3 * panel + 2, 67};
      Problem problem(set, shape, {.type = type});
      problem.pack();
      const size_t stride = shape.k + 1, first = 2 * panel;
      GuardedBuffer<char> parts(problem.packed.size());
      for (const auto& [begin, count] : {std::pair<size_t, size_t>{0, first}, {first, shape.n - first}}) {
        char* to = parts.data() + set.gemm->packed_bytes(type, begin, shape.k);
        if (type == WeightType::kF32) {
          set.gemm->pack_f32(problem.w.data() + begin * stride, stride, count, shape.k, to);
        } else {
          set.gemm->pack_bf16(problem.w_bf16.data() + begin * stride, stride, count, shape.k, to);
        }
      }
      EXPECT_TRUE(parts.same_bytes(problem.packed));
      EXPECT_TRUE(parts.intact());
    }
  });
}

TEST(gemm_packs_bf16_from_f32_to_nearest_even) {
  for_each_set([](const KernelSet& set) {
    const float inf = std::numeric_limits<float>::infinity();
    const float special[] = {0.0f,         -0.0f,           1.0f, 1.00390625f, 1.01171875f, 1.0039063f,
                             -1.00390625f, 0x1.fffffep127f, inf,  -inf,        0x1p-126f,   0x1p-130f,
                             -0x1p-149f,   0x1.01p-127f};
    for (size_t k : {size_t{1}, size_t{14}, size_t{131}}) {
      const size_t n = set.gemm->panel_width + 3;
      GuardedBuffer<float> w(n * k, 1);
      GuardedBuffer<uint16_t> rounded(n * k, 1);
      Random random(3);
      for (size_t i = 0; i < n * k; ++i) {
        w[i] = i % 3 == 0 ? special[i % 14] : random.normal();
        rounded[i] = bf16_from_f32(w[i]);
      }
      w[n * k / 2] = std::numeric_limits<float>::quiet_NaN();
      rounded[n * k / 2] = bf16_from_f32(w[n * k / 2]);
      const size_t bytes = set.gemm->packed_bytes(WeightType::kBf16, n, k);
      GuardedBuffer<char> from_f32(bytes), from_bf16(bytes);
      set.gemm->pack_bf16_from_f32(w.data(), k, n, k, from_f32.data());
      set.gemm->pack_bf16(rounded.data(), k, n, k, from_bf16.data());
      EXPECT_TRUE(from_f32.same_bytes(from_bf16));
      EXPECT_TRUE(from_f32.intact() && from_bf16.intact() && w.intact() && rounded.intact());
    }
  });
}

// Small integers are exact in bf16 and their sums in f32: no rounding anywhere, on any set.
TEST(gemm_bf16_of_integers_is_exact) {
  for_each_set([](const KernelSet& set) {
    for (size_t m : {size_t{1}, size_t{4}, size_t{20}, size_t{120}}) {
      const Shape shape = {m, static_cast<size_t>(set.gemm->panel_width) + 2, 301};
      Problem problem(set, shape, {.type = WeightType::kBf16});
      Random random(5);
      for (size_t i = 0; i < shape.k; ++i) {
        for (size_t r = 0; r < m; ++r) problem.activation_at(r, i) = static_cast<float>(random.below(257)) - 128;
        for (size_t j = 0; j < shape.n; ++j) problem.set_weight(j, i, static_cast<float>(random.below(129)) - 64);
      }
      problem.pack_and_run();
      for (size_t r = 0; r < m; ++r) {
        for (size_t j = 0; j < shape.n; ++j) {
          double sum = 0;
          for (size_t i = 0; i < shape.k; ++i) {
            sum += static_cast<double>(problem.activation_at(r, i)) * problem.w[j * (shape.k + 1) + i];
          }
          EXPECT_EQ(problem.at(r, j), static_cast<float>(sum));
        }
      }
    }
  });
}

// Against the unit matrix C shows each activation as the multiplier saw it.
TEST(gemm_bf16_rounds_activations_as_stated) {
  for_each_set([](const KernelSet& set) {
    const float inf = std::numeric_limits<float>::infinity();
    const float values[] = {1.0f,  1.00390625f, 1.01171875f, 1.0039063f, -1.00390625f, 3.14159265f, 0x1p-126f,
                            1e30f, 0x1.fep127f, 0x1p-140f,   -0.3f,      inf,          -inf};
    for (size_t m : {size_t{1}, size_t{5}, size_t{120}}) {
      for (float value : values) {
        const Shape shape = {m, 9, 9};
        Problem problem(set, shape, {.type = WeightType::kBf16});
        for (size_t i = 0; i < shape.k; ++i) {
          for (size_t r = 0; r < m; ++r) problem.activation_at(r, i) = i == r % 9 ? value : 0.0f;
          // Infinity times zero is NaN, so an infinite value meets no zero.
          for (size_t j = 0; j < shape.n; ++j) problem.set_weight(j, i, i == j || std::isinf(value) ? 1.0f : 0.0f);
        }
        problem.pack_and_run();
        const float expected = rounds_activations(set) ? testing::as_bf16_operand(value) : value;
        for (size_t r = 0; r < m; ++r) EXPECT_EQ(problem.at(r, r % 9), expected);
      }
    }
  });
}

TEST(gemm_nan_and_infinity_stay_in_their_row_and_column) {
  for_each_set([](const KernelSet& set) {
    const size_t panel = set.gemm->panel_width, tile = set.gemm->row_tile;
    const Shape shape = {9 * tile + 1, panel + 3, 35};
    for (WeightType type : kTypes) {
      for (Activation activation : kActivations) {
        for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
          TRACE("type %d, activation %d, value %g", static_cast<int>(type), static_cast<int>(activation), bad);
          Problem clean(set, shape, {.type = type, .activation = activation});
          Problem spoiled(set, shape, {.type = type, .activation = activation});
          clean.pack_and_run();
          const size_t bad_row = tile + 1, bad_column = panel + 1;
          spoiled.activation_at(bad_row, shape.k - 1) = bad;
          spoiled.set_weight(bad_column, 3, bad);
          spoiled.pack_and_run();
          for (size_t i = 0; i < shape.m; ++i) {
            for (size_t j = 0; j < shape.n; ++j) {
              if (i != bad_row && j != bad_column) EXPECT_EQ(spoiled.at(i, j), clean.at(i, j));
              if ((i == bad_row || j == bad_column) && std::isnan(bad)) EXPECT_TRUE(std::isnan(spoiled.at(i, j)));
            }
          }
        }
      }
    }
  });
}

TEST(gemm_f32_keeps_denormals) {
  for_each_set([](const KernelSet& set) {
    Problem problem(set, {2, 3, 2}, {});
    for (size_t r = 0; r < 2; ++r) {
      problem.activation_at(r, 0) = 0x1p-100f;
      problem.activation_at(r, 1) = 0x1p-149f;
    }
    for (size_t j = 0; j < 3; ++j) {
      problem.set_weight(j, 0, 0x1p-40f);
      problem.set_weight(j, 1, 3.0f);
    }
    problem.pack_and_run();
    for (size_t r = 0; r < 2; ++r) {
      for (size_t j = 0; j < 3; ++j) EXPECT_EQ(problem.at(r, j), 0x1p-140f + 3 * 0x1p-149f);
    }
  });
}

// Elements that end where readable memory ends, up to the alignment asked for: reading on faults. Tiles are not
// instrumented by sanitizers (tile.h), and this watches the code that ships.
template <typename T>
class BeforeUnreadable {
 public:
  explicit BeforeUnreadable(size_t n, size_t alignment = sizeof(T)) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t bytes = (n * sizeof(T) + alignment - 1) / alignment * alignment;
    const size_t readable = (bytes + page - 1) / page * page;
    mapped_ = readable + page;
    void* memory = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    start_ = static_cast<char*>(memory);
    if (mprotect(start_ + readable, page, PROT_NONE) != 0) throw std::bad_alloc();
    data_ = reinterpret_cast<T*>(start_ + readable - bytes);
  }
  BeforeUnreadable(const BeforeUnreadable&) = delete;
  BeforeUnreadable& operator=(const BeforeUnreadable&) = delete;
  ~BeforeUnreadable() { munmap(start_, mapped_); }
  T* data() { return data_; }

 private:
  char* start_ = nullptr;
  size_t mapped_ = 0;
  T* data_ = nullptr;
};

TEST(gemm_reads_nothing_behind_its_arrays) {
  for_each_set([](const KernelSet& set) {
    const GemmKernels& gemm = *set.gemm;
    const size_t panel = gemm.panel_width, tile = gemm.row_tile;
    for (WeightType type : kTypes) {
      for (size_t m : {size_t{1}, size_t{2}, tile, 9 * tile - 1}) {
        for (size_t n : {size_t{1}, panel, 4 * panel, 5 * panel - 1}) {
          for (size_t k : {size_t{1}, size_t{15}, size_t{32}, size_t{37}}) {
            TRACE("m = %zu, n = %zu, k = %zu", m, n, k);
            BeforeUnreadable<float> a(m * k), w(n * k), bias(n), residual(m * n), c(m * n);
            BeforeUnreadable<uint16_t> w_bf16(n * k);
            BeforeUnreadable<char> packed(gemm.packed_bytes(type, n, k), 64);
            BeforeUnreadable<char> scratch(gemm.scratch_bytes(type, m, k), 64);
            std::fill_n(a.data(), m * k, 1.0f);
            std::fill_n(w.data(), n * k, 1.0f);
            std::fill_n(w_bf16.data(), n * k, bf16_from_f32(1.0f));
            if (type == WeightType::kBf16) gemm.pack_bf16_from_f32(w.data(), k, n, k, packed.data());
            if (type == WeightType::kBf16) gemm.pack_bf16(w_bf16.data(), k, n, k, packed.data());
            if (type == WeightType::kF32) gemm.pack_f32(w.data(), k, n, k, packed.data());
            for (Activation activation : {Activation::kNone, Activation::kSilu}) {
              const GemmEpilogue epilogue = {bias.data(), activation, residual.data(), static_cast<ptrdiff_t>(n)};
              gemm.run(type, a.data(), k, m, packed.data(), n, k, 0, n, c.data(), n, epilogue, scratch.data());
              EXPECT_EQ(c.data()[m * n - 1] > 0.5f, true);
            }
          }
        }
      }
    }
  });
}

TEST(gemm_scratch_grows_with_rows) {
  for_each_set([](const KernelSet& set) {
    for (WeightType type : kTypes) {
      for (size_t k : {size_t{0}, size_t{1}, size_t{512}, size_t{2048}}) {
        size_t before = 0;
        for (size_t m = 0; m < 600; ++m) {
          const size_t bytes = set.gemm->scratch_bytes(type, m, k);
          EXPECT_TRUE(bytes >= before);
          before = bytes;
        }
      }
    }
  });
}

}  // namespace
}  // namespace tidemerge
