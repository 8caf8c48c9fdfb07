#pragma once

// Transform plans and the spectra of a filter that does not change, kept by the operator that uses them. Spectra are
// laid out by blocks of kFftChannels channels: [blocks][size][kFftPoint].

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/fft/fft_plan.h"
#include "ops/operator.h"

namespace tidemerge {

class FilterSpectra {
 public:
  // Keeps at most `bytes` of spectra; those used longest ago go first.
  explicit FilterSpectra(size_t bytes) : limit_(bytes) {}

  using Spectrum = std::shared_ptr<const Buffer>;

  // Null when there is no room for it beside the bytes that the call holds already. Several threads may ask at once.
  Spectrum of(const Call& call, const FftPlan& plan, const Tensor& filter, size_t held);

  std::shared_ptr<const FftPlanOwner> plan(size_t size);

  static size_t floats(size_t size, size_t channels) {
    return (channels + kFftChannels - 1) / kFftChannels * size * kFftPoint;
  }

 private:
  struct Kept {
    size_t size;
    size_t bytes;
    Spectrum spectrum;
  };
  void keep(size_t size, Spectrum spectrum);

  const size_t limit_;
  std::mutex mutex_;
  std::map<size_t, std::shared_ptr<const FftPlanOwner>> plans_;
  std::vector<Kept> kept_;  // the latest used last
};

}  // namespace tidemerge
