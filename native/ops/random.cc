#include "ops/random.h"

#include <cmath>
#include <cstring>

#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

uint64_t canonical_bits(double value) {
  if (std::isnan(value)) return 0x7FF8000000000000u;
  if (value == 0.0) return 0;  // -0 too
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

template <typename T>
PhiloxKey hash_values(const T* values, size_t count) {
  const uint64_t length = count;
  PhiloxKey state = {static_cast<uint32_t>(length), static_cast<uint32_t>(length >> 32)};
  for (size_t i = 0; i < count; i += 2) {
    const uint64_t first = canonical_bits(values[i]);
    const uint64_t second = i + 1 < count ? canonical_bits(values[i + 1]) : 0;
    const PhiloxBlock word = philox({static_cast<uint32_t>(first), static_cast<uint32_t>(first >> 32),
                                     static_cast<uint32_t>(second), static_cast<uint32_t>(second >> 32)},
                                    state);
    state = {word[0], word[1]};
  }
  return state;
}

class SeriesKeys final : public Operator {
 public:
  explicit SeriesKeys(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& values = real_column(call, 0, "values");
    size_t batch = 0;
    const int32_t* offsets = call.offsets(1, "offsets", values.rows(), batch);
    int32_t* out = call.output(0, DType::kInt32, batch, 2).data<int32_t>();
    // A value takes about 10 ns, the steps of the other operators a fraction of one.
    const size_t steps = batch == 0 ? 0 : 16 * values.rows() / batch;
    with_reals(values, [&](const auto* v) {
      for_each_index(call, batch, steps, [&](size_t b, int) {
        const PhiloxKey key = series_key(v + offsets[b], static_cast<size_t>(offsets[b + 1] - offsets[b]));
        std::memcpy(out + 2 * b, key.data(), sizeof key);
      });
    });
  }
};

}  // namespace

PhiloxKey series_key(const float* values, size_t count) { return hash_values(values, count); }
PhiloxKey series_key(const double* values, size_t count) { return hash_values(values, count); }

const OperatorInfo& series_keys_operator() {
  static const OperatorInfo info{"series_keys", 2, 2, 1, create<SeriesKeys>};
  return info;
}

}  // namespace tidemerge
