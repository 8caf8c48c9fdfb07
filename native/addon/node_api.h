#pragma once

// The one place that includes napi.h, with the settings all of the addon must share.

// A worker that is being terminated can no longer take exceptions; without this, failing to throw one there ends
// the process.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS

#include <napi.h>

#if NAPI_VERSION != 8
#error "tidemerge: build with NAPI_VERSION=8: one binary serves Node 18 and later"
#endif
#if !defined(NAPI_CPP_EXCEPTIONS) && !defined(NODE_ADDON_API_CPP_EXCEPTIONS)
#error "tidemerge: build with C++ exceptions"
#endif
