# gyp cannot make targets from data, so every instruction set has one here; sources and flags come from native/sources.json,
# and scripts/check-sets.mjs compares the names.
{
  "targets": [
    {
      "target_name": "tidemerge",
      "sources": [
        "<!@(node scripts/gyp-sources.cjs sources core)",
        "<!@(node scripts/gyp-sources.cjs sources addon)"
      ],
      "include_dirs": ["native", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=c++17", "-fexceptions", "<!@(node scripts/gyp-sources.cjs list coreFlags)"],
      "xcode_settings": {
        "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
        "MACOSX_DEPLOYMENT_TARGET": "11.0",
        "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
        "GCC_ENABLE_CPP_RTTI": "YES",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
        "OTHER_CPLUSPLUSFLAGS": ["<!@(node scripts/gyp-sources.cjs list coreFlags)"]
      },
      "conditions": [
        ["OS=='linux'", { "libraries": ["-pthread"] }],
        ["target_arch=='x64'", {
          "dependencies": [
            "kernels_baseline", "kernels_avx2", "kernels_avx2_vnni",
            "kernels_avx512", "kernels_avx512_vnni", "kernels_avx512_bf16"
          ]
        }],
        ["target_arch=='arm64'", { "dependencies": ["kernels_neon"] }]
      ]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        { "target_name": "kernels_baseline", "variables": { "set": "baseline" }, "includes": ["native/kernels/kernels.gypi"] },
        { "target_name": "kernels_avx2", "variables": { "set": "avx2" }, "includes": ["native/kernels/kernels.gypi"] },
        { "target_name": "kernels_avx2_vnni", "variables": { "set": "avx2_vnni" }, "includes": ["native/kernels/kernels.gypi"] },
        { "target_name": "kernels_avx512", "variables": { "set": "avx512" }, "includes": ["native/kernels/kernels.gypi"] },
        { "target_name": "kernels_avx512_vnni", "variables": { "set": "avx512_vnni" }, "includes": ["native/kernels/kernels.gypi"] },
        { "target_name": "kernels_avx512_bf16", "variables": { "set": "avx512_bf16" }, "includes": ["native/kernels/kernels.gypi"] }
      ]
    }],
    ["target_arch=='arm64'", {
      "targets": [
        { "target_name": "kernels_neon", "variables": { "set": "neon" }, "includes": ["native/kernels/kernels.gypi"] }
      ]
    }]
  ]
}
