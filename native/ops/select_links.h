#pragma once

// The largest of many similarities, by counting digits: linear in their number, and no sort of all of them.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidemerge {

// The places of the `count` largest numbers of best[0, pairs), largest first, of equals the smaller place first. -0 and
// 0 are equal. There is no NaN among them, and `count` is at most the number of those that are not -inf.
std::vector<int32_t> most_similar_links(const float* best, size_t pairs, size_t count);

// The same of the first `count` numbers above the threshold.
std::vector<int32_t> earliest_links(const float* best, size_t pairs, double threshold, size_t count);

}  // namespace tidemerge
