# The body of a kernel target of binding.gyp: one instruction set, named by the variable `set`.
{
  "type": "static_library",
  "sources": ["<!@(node scripts/gyp-sources.cjs sources kernels)"],
  "include_dirs": ["<(module_root_dir)/native"],
  "defines": ["TIDEMERGE_SET=<(set)"],
  "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
  "cflags_cc": [
    "-std=c++17",
    "-Wall",
    "-Wextra",
    # GCC 12 warns about the deliberately undefined operands inside its own AVX-512 headers.
    "-Wno-uninitialized",
    "-Wno-maybe-uninitialized",
    "<!@(node scripts/gyp-sources.cjs list kernelFlags)",
    "<!@(node scripts/gyp-sources.cjs flags <(target_arch) <(set))"
  ],
  "xcode_settings": {
    "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
    "MACOSX_DEPLOYMENT_TARGET": "11.0",
    "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
    "OTHER_CPLUSPLUSFLAGS": [
      "<!@(node scripts/gyp-sources.cjs list kernelFlags)",
      "<!@(node scripts/gyp-sources.cjs flags <(target_arch) <(set))"
    ]
  }
}
