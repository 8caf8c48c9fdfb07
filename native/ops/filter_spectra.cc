#include "ops/filter_spectra.h"

#include <algorithm>

#include "ops/split.h"

namespace tidemerge {

std::shared_ptr<const FftPlanOwner> FilterSpectra::plan(size_t size) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::shared_ptr<const FftPlanOwner>& plan = plans_[size];
  if (plan == nullptr) plan = std::make_shared<FftPlanOwner>(size);
  return plan;
}

FilterSpectra::Spectrum FilterSpectra::of(const Call& call, const FftPlan& plan, const Tensor& filter, size_t held) {
  const size_t size = plan.size;
  const size_t channels = filter.cols();
  if (held > limit_ || floats(size, channels) > (limit_ - held) / sizeof(float)) return nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.size == size; });
    if (found != kept_.end()) {
      std::rotate(found, found + 1, kept_.end());
      return kept_.back().spectrum;
    }
  }
  // Two sessions at once may both make it: the same bits.
  Buffer buffer = call.buffers().allocate_exact(floats(size, channels) * sizeof(float));
  const size_t blocks = (channels + kFftChannels - 1) / kFftChannels;
  for_each_index(call, blocks, size * kFftPoint * plan.levels, [&](size_t block, int) {
    const size_t channel = block * kFftChannels;
    const FilterArgs args = {filter.rows(), std::min(kFftChannels, channels - channel), filter.data<float>() + channel,
                             static_cast<ptrdiff_t>(channels)};
    float* const to = reinterpret_cast<float*>(buffer.data()) + block * size * kFftPoint;
    call.kernels().fft->spectrum_f32(plan, args, to);
  });
  auto spectrum = std::make_shared<const Buffer>(std::move(buffer));
  keep(size, spectrum);
  return spectrum;
}

void FilterSpectra::keep(size_t size, Spectrum spectrum) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Kept& kept : kept_) {
    if (kept.size == size) return;
  }
  const size_t bytes = spectrum->capacity();
  size_t sum = bytes;
  for (const Kept& kept : kept_) sum += kept.bytes;
  while (sum > limit_ && !kept_.empty()) {
    sum -= kept_.front().bytes;
    kept_.erase(kept_.begin());
  }
  kept_.push_back({size, bytes, std::move(spectrum)});
}

}  // namespace tidemerge
