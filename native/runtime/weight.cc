#include "runtime/weight.h"

#include <cstring>
#include <utility>

#include "base/bf16.h"
#include "runtime/error.h"

namespace tidemerge {

namespace {

// Elements per index of a conversion loop: some tens of microseconds.
constexpr size_t kConvertGrain = size_t{1} << 16;

void convert(ThreadPool& threads, const uint16_t* from, float* to, size_t count) {
  threads.parallel_ranges(count, kConvertGrain, [&](size_t begin, size_t end, int) {
    for (size_t i = begin; i < end; ++i) to[i] = f32_from_bf16(from[i]);
  });
}

void convert(ThreadPool& threads, const float* from, uint16_t* to, size_t count) {
  threads.parallel_ranges(count, kConvertGrain, [&](size_t begin, size_t end, int) {
    for (size_t i = begin; i < end; ++i) to[i] = bf16_from_f32(from[i]);
  });
}

template <typename T>
void copy(ThreadPool& threads, const T* from, T* to, size_t count) {
  threads.parallel_ranges(count, kConvertGrain, [&](size_t begin, size_t end, int) {
    std::memcpy(to + begin, from + begin, (end - begin) * sizeof(T));
  });
}

// Panels are independent, so threads pack shares of the rows (gemm.h).
template <typename T>
Buffer pack(const Context& context, WeightType type, const T* w, size_t rows, size_t cols,
            void (*pack_rows)(const T*, ptrdiff_t, size_t, size_t, void*)) {
  const GemmKernels& gemm = *context.kernels.gemm;
  Buffer packed = context.buffers.allocate_exact(gemm.packed_bytes(type, rows, cols));
  context.threads.parallel_ranges(rows, static_cast<size_t>(gemm.panel_width), [&](size_t begin, size_t end, int) {
    pack_rows(w + begin * cols, static_cast<ptrdiff_t>(cols), end - begin, cols,
              packed.data() + gemm.packed_bytes(type, begin, cols));
  });
  return packed;
}

}  // namespace

const char* name_of(WeightKind kind) {
  switch (kind) {
    case WeightKind::kMatrix: return "matrix";
    case WeightKind::kTable: return "table";
    case WeightKind::kVector: return "vector";
    case WeightKind::kSparseBinary: return "sparse-binary";
  }
  return "?";
}

Weight::Weight(const Context& context, std::string name, WeightKind kind, WeightType type, size_t rows, size_t cols,
               const float* f32, const uint16_t* bf16)
    : name_(std::move(name)),
      kind_(kind),
      type_(kind == WeightKind::kMatrix || kind == WeightKind::kTable ? type : WeightType::kF32),
      rows_(rows),
      cols_(cols) {
  switch (kind) {
    case WeightKind::kMatrix: make_matrix(context, f32, bf16); return;
    case WeightKind::kTable: make_table(context, f32, bf16); return;
    case WeightKind::kVector: make_vector(context, f32, bf16); return;
    case WeightKind::kSparseBinary: sparse_ = SparseBinaryMatrix(context, name_, rows, cols, f32); return;
  }
}

Weight::Weight(const Context& context, std::string name, size_t rows, size_t cols, const SparseBinaryBits& bits)
    : name_(std::move(name)),
      kind_(WeightKind::kSparseBinary),
      type_(WeightType::kF32),
      rows_(rows),
      cols_(cols),
      sparse_(context, "weight " + name_, rows, cols, bits) {}

void Weight::make_matrix(const Context& context, const float* f32, const uint16_t* bf16) {
  const GemmKernels& gemm = *context.kernels.gemm;
  if (type_ == WeightType::kBf16) {
    buffer_ = bf16 != nullptr ? pack(context, type_, bf16, rows_, cols_, gemm.pack_bf16)
                              : pack(context, type_, f32, rows_, cols_, gemm.pack_bf16_from_f32);
    return;
  }
  Buffer widened;
  if (bf16 != nullptr) {
    widened = context.buffers.allocate_exact(rows_ * cols_ * sizeof(float));
    auto* wide = reinterpret_cast<float*>(widened.data());
    convert(context.threads, bf16, wide, rows_ * cols_);
    f32 = wide;
  }
  buffer_ = pack(context, type_, f32, rows_, cols_, gemm.pack_f32);
}

void Weight::make_table(const Context& context, const float* f32, const uint16_t* bf16) {
  const size_t count = rows_ * cols_;
  if (type_ == WeightType::kBf16) {
    buffer_ = context.buffers.allocate_exact(count * sizeof(uint16_t));
    auto* to = reinterpret_cast<uint16_t*>(buffer_.data());
    bf16 != nullptr ? copy(context.threads, bf16, to, count) : convert(context.threads, f32, to, count);
    return;
  }
  buffer_ = context.buffers.allocate_exact(count * sizeof(float));
  auto* to = reinterpret_cast<float*>(buffer_.data());
  f32 != nullptr ? copy(context.threads, f32, to, count) : convert(context.threads, bf16, to, count);
}

void Weight::make_vector(const Context& context, const float* f32, const uint16_t* bf16) {
  tensor_ = Tensor(context.buffers, DType::kFloat32, rows_, cols_);
  f32 != nullptr ? copy(context.threads, f32, tensor_.data<float>(), tensor_.count())
                 : convert(context.threads, bf16, tensor_.data<float>(), tensor_.count());
}

}  // namespace tidemerge
