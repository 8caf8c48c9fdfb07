#pragma once

// Codes an Error of the native layer carries: a part of lib/errors.ts. They reach JavaScript as `error.code`.

#include "base/error.h"

namespace tidemerge::error_code {

inline constexpr const char* kInvalidArgument = "ERR_INVALID_ARGUMENT";
inline constexpr const char* kInvalidShape = "ERR_INVALID_SHAPE";
inline constexpr const char* kInvalidDType = "ERR_INVALID_DTYPE";
inline constexpr const char* kDetachedBuffer = "ERR_DETACHED_BUFFER";
inline constexpr const char* kUnsupported = "ERR_UNSUPPORTED";
inline constexpr const char* kOutOfMemory = "ERR_OUT_OF_MEMORY";
inline constexpr const char* kDisposed = "ERR_DISPOSED";
inline constexpr const char* kInternal = "ERR_INTERNAL";

}  // namespace tidemerge::error_code
