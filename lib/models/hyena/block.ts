import type { SymbolicTensor } from '../../backend/program.js';
import { causalConv1d } from '../../ops/causal-conv1d.js';
import { linear } from '../../ops/linear.js';
import { longConv } from '../../ops/long-conv.js';
import { layerNorm } from '../../ops/norm.js';
import type { HyenaConfig } from './config.js';
import type { HyenaBlockWeights } from './weights.js';

/** Taps of the short convolution in front of the gates; every published model has this many. */
const SHORT = 3;
/** For the kept spectra of a program's filters. Longer sequences gain next to nothing from them: products take the time. */
const SPECTRUM_BYTES = 64 * 2 ** 20;

/**
 * The mixer of a block and its residual add (Poli et al. 2023, arXiv 2302.10866, definition 3.1, order 2):
 *
 * x0, x1, v = shortConv(inProj(norm(x)))
 * y = x + outProj(x0 · (filter ∗ (v · x1) + skip · v · x1))
 *
 * x float32 [rows, dModel], offsets int32 [batch + 1], filter float32 [at least the longest series, dModel] → y [rows, dModel].
 */
export function hyenaMixer(
  x: SymbolicTensor,
  offsets: SymbolicTensor,
  filter: SymbolicTensor,
  weights: HyenaBlockWeights,
  { dModel, numLayers, blockEpsilon }: HyenaConfig,
): SymbolicTensor {
  const { builder } = x;
  const { inProj, shortFilter, outProj, mixerNorm } = weights;
  const normed = layerNorm(x, builder.weight(mixerNorm.weight), {
    bias: builder.weight(mixerNorm.bias),
    epsilon: blockEpsilon,
  });
  const projected = linear(normed, builder.weight(inProj.weight), { bias: builder.weight(inProj.bias) });
  const { y: tensor } = causalConv1d(
    { x: projected, weight: builder.weight(shortFilter.weight), bias: builder.weight(shortFilter.bias), offsets },
    { channels: 3 * dModel, width: SHORT, activation: 'none' },
  ); // [rows, 3 · dModel]: x0, x1, v
  const mixed = longConv(
    {
      x: { tensor, column: 2 * dModel },
      pre: { tensor, column: dModel },
      post: { tensor, column: 0 },
      filter,
      skip: builder.weight(weights.skip),
      offsets,
    },
    { channels: dModel, spectrumBytes: Math.floor(SPECTRUM_BYTES / numLayers) },
  );
  return linear(mixed, builder.weight(outProj.weight), { bias: builder.weight(outProj.bias), residual: x });
}

/** x + fc2(gelu(fc1(norm(x)))), with the tanh form of GELU: float32 [rows, dModel] → the same. */
export function hyenaMlp(
  x: SymbolicTensor,
  { mlpNorm, fc1, fc2 }: HyenaBlockWeights,
  { blockEpsilon }: HyenaConfig,
): SymbolicTensor {
  const { builder } = x;
  const normed = layerNorm(x, builder.weight(mlpNorm.weight), {
    bias: builder.weight(mlpNorm.bias),
    epsilon: blockEpsilon,
  });
  const hidden = linear(normed, builder.weight(fc1.weight), {
    bias: builder.weight(fc1.bias),
    activation: 'gelu_tanh',
  });
  return linear(hidden, builder.weight(fc2.weight), { bias: builder.weight(fc2.bias), residual: x });
}
