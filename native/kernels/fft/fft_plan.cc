#include "kernels/fft/fft_plan.h"

#include <cmath>
#include <cstdint>

namespace tidemerge {
namespace {

// cos and sin of 2 pi numerator / denominator, numerator < denominator, from an angle of at most an eighth of a turn.
void root_of_unity(size_t numerator, size_t denominator, double& re, double& im) {
  constexpr double kTurn = 6.283185307179586476925286766559;
  const size_t quarters = 4 * numerator / denominator;
  // numerator / denominator - quarters / 4, as a fraction of 4 denominator
  const size_t rest = 4 * numerator - quarters * denominator;
  const bool second = 2 * rest > denominator;
  const double angle = kTurn * static_cast<double>(second ? denominator - rest : rest) / (4.0 * denominator);
  const double c = second ? std::sin(angle) : std::cos(angle), s = second ? std::cos(angle) : std::sin(angle);
  const double turned[4][2] = {{c, s}, {-s, c}, {-c, -s}, {s, -c}};
  re = turned[quarters][0], im = turned[quarters][1];
}

// Radix 2 first, where inputs are real; 4 last, see fft.h.
std::vector<size_t> radices_of(size_t size) {
  std::vector<size_t> radices;
  size_t threes = 0, twos = 0;
  for (; size % 3 == 0; size /= 3) ++threes;
  for (; size > 1; size /= 2) ++twos;
  if (twos % 2 != 0) radices.push_back(2);
  radices.insert(radices.end(), threes, 3);
  radices.insert(radices.end(), twos / 2, 4);
  return radices;
}

// What a transform costs a point, in quarters of a level of radix 4; one of radix 3 costs as much, one of radix 2 less.
size_t passes_of(size_t size) {
  size_t passes = 0;
  for (const size_t radix : radices_of(size)) passes += radix == 2 ? 3 : 4;
  return passes;
}

}  // namespace

size_t fft_size(size_t length) {
  size_t best = 0, best_cost = SIZE_MAX;
  for (size_t threes = 1; threes <= 2 * length + 1; threes *= 3) {
    size_t size = threes * (threes == 1 ? 16 : 4);
    while (size < length) size *= 2;
    const size_t cost = size * passes_of(size);
    if (cost < best_cost) best = size, best_cost = cost;
  }
  return best;
}

FftPlanOwner::FftPlanOwner(size_t size) {
  const std::vector<size_t> radices = radices_of(size);
  plan_.size = size;
  plan_.levels = radices.size();
  size_t floats = 0;
  for (size_t level = 0, blocks = 1; level < radices.size(); blocks *= radices[level++]) {
    floats += blocks * 2 * (radices[level] - 1);
  }
  roots_.resize(floats);
  float* to = roots_.data();
  // Block b of a level is X^n - e^(2 pi i turn[b] / parts): X^size - i is a quarter turn. Its root of radix r is at
  // turn / (parts r), and its child q is q / r of a turn further.
  std::vector<size_t> turns = {1};
  size_t parts = 4;
  for (size_t level = 0, span = size; level < radices.size(); ++level) {
    const size_t radix = radices[level];
    span /= radix;
    plan_.level[level] = {radix, span, to};
    std::vector<size_t> next;
    for (const size_t turn : turns) {
      for (size_t j = 1; j < radix; ++j) {
        double re = 0, im = 0;
        root_of_unity(turn * j % (parts * radix), parts * radix, re, im);
        *to++ = static_cast<float>(re);
        *to++ = static_cast<float>(im);
      }
      for (size_t q = 0; q < radix; ++q) next.push_back(turn + q * parts);
    }
    turns = std::move(next);
    parts *= radix;
  }
}

}  // namespace tidemerge
