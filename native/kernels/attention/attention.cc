// The attention family's table for one instruction set. What is computed, and with which guarantees: attention.h.

#include "kernels/attention/attention.h"

#include "base/assume.h"
#include "kernels/attention/block.h"
#include "kernels/attention/element_bf16.h"
#include "kernels/attention/element_f32.h"
#include "kernels/attention/pack.h"

namespace tidemerge {
namespace {

constexpr size_t kScratchAlignment = 64;

// The same walk computes the size and cuts the scratch: `base` may be null for the former.
struct Cutter {
  char* base;
  size_t used;
  template <class T>
  T* take(size_t count) {
    T* p = base == nullptr ? nullptr : reinterpret_cast<T*>(base + used);
    used += round_up(count * sizeof(T), kScratchAlignment);
    return p;
  }
};

template <class E>
Scratch<E> cut_scratch(Cutter& cutter, size_t num_queries, size_t head_dim) {
  const size_t rows = min_of(num_queries, kQueryBlock);
  Scratch<E> scratch;
  scratch.scores = cutter.take<float>(rows * kScoreStride);
  scratch.weights = E::take_weights(cutter, scratch.scores, rows);
  scratch.sums = cutter.take<float>(rows * round_up(head_dim, kLanes));
  scratch.maxima = cutter.take<float>(rows * kLanes);
  scratch.states = cutter.take<RowState>(rows);
  scratch.queries = cutter.take<typename E::Query>(rows * E::query_stride(head_dim));
  return scratch;
}

template <class E>
size_t scratch_bytes(size_t num_queries, size_t, size_t head_dim) {
  Cutter cutter = {nullptr, 0};
  cut_scratch<E>(cutter, num_queries, head_dim);
  return cutter.used + kScratchAlignment;  // attend aligns the start itself
}

template <class E>
void attend(const typename E::Args& args, void* memory) {
  TIDEMERGE_ASSUME(args.head_dim > 0);
  if (args.num_queries == 0) return;
  const uintptr_t start = round_up(reinterpret_cast<uintptr_t>(memory), kScratchAlignment);
  Cutter cutter = {reinterpret_cast<char*>(start), 0};
  const size_t steps = ceil_div(args.head_dim, E::kStep);
  const Call<E> call = {args,
                        cut_scratch<E>(cutter, args.num_queries, args.head_dim),
                        steps,
                        steps * E::kStep * kKeyPanel,
                        E::value_stride(args),
                        E::value_channels(args.head_dim),
                        round_up(args.head_dim, kLanes)};
  const size_t block = even_tile(args.num_queries, kQueryBlock);
  for (size_t row = 0; row < args.num_queries; row += block) {
    attend_block<E, false>(call, {row, min_of(block, args.num_queries - row)});
  }
}

}  // namespace

namespace TIDEMERGE_SET {
extern const AttentionKernels attention_kernels;
const AttentionKernels attention_kernels = {
    kKeyPanel,
    kLanes,
    Bf16Product::kHasDot,
    packed_keys<PackF32>,
    pack_keys<PackF32>,
    scratch_bytes<F32Element>,
    attend<F32Element>,
    packed_keys<PackBf16>,
    packed_value_bf16s,
    pack_keys<PackBf16>,
    pack_values_bf16,
    scratch_bytes<Bf16Element>,
    attend<Bf16Element>,
};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
