#pragma once

// Sizes of the register tiles and blocks of attention, and how rows are split into tiles.
//
// A register tile keeps rows x vectors sums in registers; two vectors of the right-hand side and one broadcast of the
// left-hand side come on top, so a set with 32 registers holds 24 sums and one with 16 registers holds 12.

#include <cstddef>
#include <cstdint>

#include "simd/vec.h"

namespace tidemerge {
namespace {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kAccumulators = 24;
#else
constexpr int kAccumulators = 12;
#endif

constexpr int kPanelVecs = 2;
constexpr size_t kKeyPanel = kPanelVecs * kLanes;

constexpr int kScoreRows = kAccumulators / kPanelVecs;
constexpr int kValueRows = 6;

// Scores of a query block against a key block (24 x 768 floats) stay in the second cache level beside the panels.
// Borders of key blocks stand at fixed key indices: they decide where the running maximum is taken, hence the bits of a
// result. The usual contexts (512 tokens and an end token) are one block.
constexpr size_t kQueryBlock = 24;
constexpr size_t kKeyBlock = 768;
static_assert(kKeyBlock % kKeyPanel == 0, "key blocks consist of whole panels");

// One line more than a multiple of a larger power of two, so that the rows of a tile do not share one set of the first
// cache level.
constexpr size_t kScoreStride = kKeyBlock + 16;

// The values one step of the value product reads for all row tiles before it moves on: half of a small first-level
// cache.
constexpr size_t kValueChunkBytes = 16 * 1024;

TIDEMERGE_INLINE size_t min_of(size_t a, size_t b) { return a < b ? a : b; }
TIDEMERGE_INLINE size_t ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }
TIDEMERGE_INLINE size_t round_up(size_t a, size_t b) { return ceil_div(a, b) * b; }

// Rows per tile when `rows` rows are shared out evenly over as few tiles of at most `most` rows as possible: 20 rows in
// tiles of 12 give 10 + 10, because 12 + 8 would leave the second tile with fewer independent sums.
TIDEMERGE_INLINE size_t even_tile(size_t rows, size_t most) { return ceil_div(rows, ceil_div(rows, most)); }

}  // namespace
}  // namespace tidemerge
