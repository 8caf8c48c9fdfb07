#pragma once

// Causal convolution with filters as long as a series over a ragged batch; formula, error bounds and special values are
// those of kernels/fft/fft.h. K channels, S lags, B series.
//
//     long_conv(x f32 [R, *], filter f32 [S, K], offsets i32 [B+1, 1], skip? f32 [K], pre? f32 [R, *], post? f32 [R,
//     *])
//         {channels, xColumn, preColumn, postColumn, spectrumBytes}
//         -> y f32 [R, K]
//
// x, pre, post: the K columns from their column on. The spectra of a filter that is a weight are kept, at most
// spectrumBytes of them; such a spectrum holds all lags of the transform's size. Otherwise it is made of the lags that
// a series reaches, so that its result does not depend on what its batch mates need.

#include "ops/operator.h"

namespace tidemerge {

const OperatorInfo& long_conv_operator();

}  // namespace tidemerge
