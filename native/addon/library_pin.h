#pragma once

namespace tidemerge::addon {

// Keeps the library loaded until the process ends. A worker that is the only one to use it would otherwise unload it
// when it ends, and with it code that is still to run: finalizers, threads on their way out.
void pin_library() noexcept;

}  // namespace tidemerge::addon
