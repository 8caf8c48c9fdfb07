#include "kernels/kernel_set.h"

// Compiled once per instruction set, like the tables it collects.

#define TIDEMERGE_STRING_OF(text) #text
#define TIDEMERGE_STRING(text) TIDEMERGE_STRING_OF(text)

namespace tidemerge::TIDEMERGE_SET {

#define TIDEMERGE_EXTERN_TABLE(family, Table) extern const Table family##_kernels;
TIDEMERGE_FOR_EACH_FAMILY(TIDEMERGE_EXTERN_TABLE)

#define TIDEMERGE_ADDRESS(family, Table) &family##_kernels,
extern const KernelSet kernel_set;
const KernelSet kernel_set = {TIDEMERGE_STRING(TIDEMERGE_SET), TIDEMERGE_FOR_EACH_FAMILY(TIDEMERGE_ADDRESS)};

}  // namespace tidemerge::TIDEMERGE_SET
