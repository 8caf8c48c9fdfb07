#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "kernels/scan/scan.h"

namespace tidemerge::reference {

// The scan in double precision, and beside every value the error scan.h allows for it, carried along the recurrence.
struct Scan {
  std::vector<double> out, last, out_error, last_error;
};

// A clamp of dt moves no two numbers apart.
inline Scan selective_scan(const ScanArgs& args, double u, double dt_min = -HUGE_VAL, double dt_max = HUGE_VAL) {
  constexpr double kFlushed = 0x1p-124;
  Scan r;
  r.out.resize(args.length * args.channels), r.out_error.resize(r.out.size());
  r.last.resize(args.channels * args.states), r.last_error.resize(r.last.size());
  for (size_t ch = 0; ch < args.channels; ++ch) {
    double* h = r.last.data() + ch * args.states;
    double* error = r.last_error.data() + ch * args.states;
    for (size_t n = 0; n < args.states; ++n) h[n] = args.first != nullptr ? args.first[ch * args.states + n] : 0.0;
    for (size_t t = 0; t < args.length; ++t) {
      const auto at = [&](const float* p, ptrdiff_t stride) -> double { return p[static_cast<ptrdiff_t>(t) * stride]; };
      const double x = at(args.u + ch, args.u_stride);
      double dt = at(args.delta + ch, args.delta_stride) + (args.delta_bias != nullptr ? args.delta_bias[ch] : 0.0);
      double dt_error = u * std::fabs(dt);
      if (args.softplus) {
        const double condition = 4 + 1.25 * std::max(0.0, -dt);
        dt = dt > 20 ? dt : std::log1p(std::exp(dt));
        dt_error = std::min(dt_error, dt_error * dt) + condition * 2 * u * dt + kFlushed;
      }
      dt = dt < dt_min ? dt_min : dt > dt_max ? dt_max : dt;
      double sum = 0, magnitude = 0, carried = 0;
      for (size_t n = 0; n < args.states; ++n) {
        const double a = args.a[ch * args.states + n];
        const double b = args.b_is_constant ? args.b[ch * args.states + n] : at(args.b + n, args.b_stride);
        const double c = args.c_is_constant ? args.c[ch * args.states + n] : at(args.c + n, args.c_stride);
        const double exponent = dt * a;
        const double decay = std::exp(exponent);
        const double decay_error =
            decay * std::expm1(std::fabs(a) * dt_error + 3 * u * std::fabs(exponent) + 3 * 2 * u) + kFlushed;
        const double input = dt * x * b;
        const double before = h[n];
        h[n] = decay * before + input;
        error[n] = (decay + decay_error) * error[n] + decay_error * std::fabs(before) + std::fabs(x * b) * dt_error +
                   3 * u * (std::fabs(input) + std::fabs(decay * before)) + kFlushed;
        sum += c * h[n];
        magnitude += std::fabs(c * h[n]);
        carried += std::fabs(c) * error[n];
      }
      const double skip = args.d != nullptr ? args.d[ch] * x : 0.0;
      double y = sum + skip;
      double y_error = carried + (static_cast<double>(args.states) + 3) * u * (magnitude + carried) +
                       3 * u * (std::fabs(skip) + std::fabs(sum)) + kFlushed;
      if (args.z != nullptr) {
        const double z = at(args.z + ch, args.z_stride);
        const double gate = z / (1 + std::exp(-z));
        const double gate_error = (5 + 1.25 * std::max(0.0, -z)) * 2 * u * std::fabs(gate) + 0x1p-118;
        y_error = y_error * (std::fabs(gate) + gate_error) + std::fabs(y) * gate_error + 2 * u * std::fabs(y * gate);
        y *= gate;
      }
      r.out[t * args.channels + ch] = y;
      r.out_error[t * args.channels + ch] = y_error + u * std::fabs(y) + kFlushed;
    }
  }
  return r;
}

}  // namespace tidemerge::reference
