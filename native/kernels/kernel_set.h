#pragma once

// The kernels of one instruction set, as a value. Which set runs is decided once (kernels/all_sets.h) and passed on;
// tests pass every set of this machine.
//
// One line per family: the member of KernelSet, and the table type its contract kernels/<family>/<family>.h declares.
// Every set exports the table as tidemerge::<set>::<family>_kernels, and nothing else.
#define TIDEMERGE_FOR_EACH_FAMILY(FAMILY)    \
  FAMILY(elementwise, ElementwiseKernels)    \
  FAMILY(reduce, ReduceKernels)              \
  FAMILY(softmax, SoftmaxKernels)            \
  FAMILY(norm, NormKernels)                  \
  FAMILY(gemm, GemmKernels)                  \
  FAMILY(attention, AttentionKernels)        \
  FAMILY(merge, MergeKernels)                \
  FAMILY(scan, ScanKernels)                  \
  FAMILY(ssd, SsdKernels)                    \
  FAMILY(conv1d, Conv1dKernels)              \
  FAMILY(fft, FftKernels)                    \
  FAMILY(sparse_binary, SparseBinaryKernels) \
  FAMILY(window_attention, WindowAttentionKernels)

namespace tidemerge {

#define TIDEMERGE_DECLARE_TABLE(family, Table) struct Table;
TIDEMERGE_FOR_EACH_FAMILY(TIDEMERGE_DECLARE_TABLE)
#undef TIDEMERGE_DECLARE_TABLE

struct KernelSet {
  const char* name;
#define TIDEMERGE_DECLARE_MEMBER(family, Table) const Table* family;
  TIDEMERGE_FOR_EACH_FAMILY(TIDEMERGE_DECLARE_MEMBER)
#undef TIDEMERGE_DECLARE_MEMBER
};

}  // namespace tidemerge
