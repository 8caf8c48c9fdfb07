#include <cstdlib>
#include <cstring>

#include "cpu/instruction_sets.h"
#include "testing/test_kernels.h"

namespace tidemerge {

#define TIDEMERGE_EXTERN_TABLE(set)      \
  namespace set {                        \
  extern const TestKernels test_kernels; \
  }
TIDEMERGE_FOR_EACH_SET(TIDEMERGE_EXTERN_TABLE)
#undef TIDEMERGE_EXTERN_TABLE

const TestKernels& testing::test_kernels(const KernelSet& kernels) {
#define TIDEMERGE_RETURN_TABLE(set) \
  if (std::strcmp(kernels.name, #set) == 0) return ::tidemerge::set::test_kernels;
  TIDEMERGE_FOR_EACH_SET(TIDEMERGE_RETURN_TABLE)
#undef TIDEMERGE_RETURN_TABLE
  std::abort();  // a KernelSet always carries one of these names
}

}  // namespace tidemerge
