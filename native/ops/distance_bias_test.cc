#include "ops/distance_bias.h"

#include "ops/op_run.h"
#include "ops/position_runs.h"

namespace tidemerge::testing {
namespace {

// Every way a stretch of distances can lie to a table of reach 3, and to one of reach 0.
TEST(distance_bias_clamps) {
  for (const int64_t reach : {0, 3}) {
    std::vector<float> table;
    for (int64_t i = 0; i < 2 * (2 * reach + 1); ++i) table.push_back(static_cast<float>(i));
    const DistanceBias bias{table.data(), reach};
    for (int64_t first = -9; first <= 9; ++first) {
      for (size_t count = 0; count <= 12; ++count) {
        TRACE("reach %d, first %d, count %zu", static_cast<int>(reach), static_cast<int>(first), count);
        GuardedBuffer<float> filled(count), gathered(count);
        std::vector<int32_t> positions;
        for (size_t i = 0; i < count; ++i)
          positions.push_back(static_cast<int32_t>(first + 100 + static_cast<int64_t>(i)));
        bias.fill(1, first, count, filled.data());
        bias.gather(1, positions.data(), count, 100, gathered.data());
        for (size_t i = 0; i < count; ++i) {
          const int64_t distance = std::min(std::max(first + static_cast<int64_t>(i), -reach), reach);
          const float expected = table[static_cast<size_t>(2 * reach + 1 + distance + reach)];
          EXPECT_EQ(filled[i], expected);
          EXPECT_EQ(gathered[i], expected);
        }
        EXPECT_TRUE(filled.intact() && gathered.intact());
      }
    }
  }
}

TEST(position_runs_of_series) {
  const std::vector<int32_t> offsets = {0, 3, 3, 8}, positions = {5, 6, 7, 1, 2, 4, 3, INT32_MAX};
  const PositionRuns runs(positions.data(), offsets.data(), 3);
  EXPECT_TRUE(runs.consecutive(0) && runs.consecutive(1) && !runs.consecutive(2));
  EXPECT_EQ(runs.begin(0)->first, 5);
  EXPECT_EQ(runs.begin(0)->count, 3u);
  EXPECT_EQ(runs.end(1) - runs.begin(1), 0);
  EXPECT_EQ(runs.end(2) - runs.begin(2), 4);
  const size_t rows[] = {0, 2, 3, 4}, counts[] = {2, 1, 1, 1};
  const int64_t firsts[] = {1, 4, 3, INT32_MAX};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(runs.begin(2)[i].row, rows[i]);
    EXPECT_EQ(runs.begin(2)[i].count, counts[i]);
    EXPECT_EQ(runs.begin(2)[i].first, firsts[i]);
  }
  const PositionRuns places(nullptr, offsets.data(), 3);
  EXPECT_TRUE(places.consecutive(2) && places.begin(2)->first == 0 && places.begin(2)->count == 5);
}

}  // namespace
}  // namespace tidemerge::testing
