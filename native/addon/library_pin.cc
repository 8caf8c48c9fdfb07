#include "addon/library_pin.h"

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

namespace tidemerge::addon {

void pin_library() noexcept {
#if !defined(_WIN32)
  Dl_info self;
  if (dladdr(reinterpret_cast<const void*>(&pin_library), &self) == 0) return;
  static_cast<void>(dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE));  // a wish: works without
#endif
}

}  // namespace tidemerge::addon
