#include "ops/select_links.h"

#include <algorithm>
#include <array>

#include "base/bf16.h"

namespace tidemerge {
namespace {

// Ascending keys are descending numbers.
uint32_t key_of(float x) {
  const uint32_t bits = bits_from_f32(x + 0.0f);  // -0 becomes 0
  return (bits & 0x80000000u) != 0 ? bits : ~(bits | 0x80000000u);
}

struct Keyed {
  uint32_t key;
  int32_t place;
};

constexpr int kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;
constexpr int kShifts[] = {0, 11, 22};  // the last digit has ten bits

// The key of the number with `count` - 1 smaller or equal ones in front of it, and how many of its equals are taken.
struct Pivot {
  uint32_t key;
  size_t equals;
};

Pivot find_pivot(const std::vector<uint32_t>& keys, size_t count) {
  uint32_t prefix = 0, known = 0;
  size_t left = count;
  for (int digit = 2; digit >= 0; --digit) {
    std::array<uint32_t, kDigits> counts{};
    for (const uint32_t key : keys) {
      if ((key & known) == prefix) ++counts[(key >> kShifts[digit]) & (kDigits - 1)];
    }
    size_t d = 0;
    for (; counts[d] < left; ++d) left -= counts[d];
    prefix |= static_cast<uint32_t>(d) << kShifts[digit];
    known |= static_cast<uint32_t>(kDigits - 1) << kShifts[digit];
  }
  return {prefix, left};
}

// By key, equal keys as they stand.
void sort_by_digits(std::vector<Keyed>& links) {
  std::vector<Keyed> other(links.size());
  for (const int shift : kShifts) {
    std::array<uint32_t, kDigits> begins{};
    for (const Keyed& link : links) ++begins[(link.key >> shift) & (kDigits - 1)];
    uint32_t begin = 0;
    for (uint32_t& slot : begins) {
      const uint32_t own = slot;
      slot = begin;
      begin += own;
    }
    for (const Keyed& link : links) other[begins[(link.key >> shift) & (kDigits - 1)]++] = link;
    links.swap(other);
  }
}

// Below this, comparing is faster than clearing and adding up the counts of all digits.
constexpr size_t kWorthCounting = 256;

// In order of keys; links come in ascending places, and those of equal keys stay so.
std::vector<int32_t> sorted_places(std::vector<Keyed> links) {
  if (links.size() < kWorthCounting) {
    std::sort(links.begin(), links.end(),
              [](const Keyed& a, const Keyed& b) { return a.key != b.key ? a.key < b.key : a.place < b.place; });
  } else {
    sort_by_digits(links);
  }
  std::vector<int32_t> places(links.size());
  for (size_t i = 0; i < links.size(); ++i) places[i] = links[i].place;
  return places;
}

}  // namespace

std::vector<int32_t> most_similar_links(const float* best, size_t pairs, size_t count) {
  if (count == 0) return {};
  std::vector<uint32_t> keys(pairs);
  for (size_t i = 0; i < pairs; ++i) keys[i] = key_of(best[i]);
  Pivot pivot = find_pivot(keys, count);
  std::vector<Keyed> links(count + 1);  // one more: every link is written, and stays if it is taken
  size_t taken = 0;
  for (size_t i = 0; i < pairs; ++i) {
    const size_t equal = keys[i] == pivot.key && pivot.equals > 0;
    links[taken] = {keys[i], static_cast<int32_t>(i)};
    taken += (keys[i] < pivot.key) + equal;
    pivot.equals -= equal;
  }
  links.resize(count);
  return sorted_places(std::move(links));
}

std::vector<int32_t> earliest_links(const float* best, size_t pairs, double threshold, size_t count) {
  std::vector<Keyed> links;
  for (size_t i = 0; i < pairs && links.size() < count; ++i) {
    if (static_cast<double>(best[i]) > threshold) links.push_back({key_of(best[i]), static_cast<int32_t>(i)});
  }
  return sorted_places(std::move(links));
}

}  // namespace tidemerge
