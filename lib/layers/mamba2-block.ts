import type { WeightHandle } from '../backend/backend.js';
import type { SymbolicTensor } from '../backend/program.js';
import { causalConv1d } from '../ops/causal-conv1d.js';
import { linear } from '../ops/linear.js';
import { rmsNorm } from '../ops/norm.js';
import { ssdScan } from '../ops/ssd-scan.js';
import type { BlockState, SteppedRows } from './recurrent-block.js';

/** The handles of one block; I = numHeads · headDim, C = I + 2 · groups · dState. Matrices are [outputs, inputs]. */
export interface Mamba2BlockWeights {
  /** [hidden] */
  readonly norm: WeightHandle;
  /** [I + C + numHeads, hidden]: gate, inputs of the convolution, step sizes. */
  readonly inProj: WeightHandle;
  readonly inProjBias: WeightHandle | undefined;
  /** [C, convKernel] */
  readonly conv: WeightHandle;
  readonly convBias: WeightHandle | undefined;
  /** [numHeads] */
  readonly dtBias: WeightHandle;
  /** [numHeads]: A itself, negative. */
  readonly decay: WeightHandle;
  /** [numHeads]: D */
  readonly skip: WeightHandle;
  /** [I]: of the norm behind the scan. */
  readonly gatedNorm: WeightHandle;
  /** [hidden, I] */
  readonly outProj: WeightHandle;
  readonly outProjBias: WeightHandle | undefined;
}

export interface Mamba2BlockSizes {
  readonly numHeads: number;
  readonly headDim: number;
  readonly dState: number;
  /** Of B and C. */
  readonly numGroups: number;
  readonly convKernel: number;
  /** Step sizes stay within, behind the softplus. */
  readonly timeStepLimit: readonly [least: number, most: number];
  /** Parts in which the norm behind the scan works. */
  readonly normGroups: number;
  readonly normEpsilon: number;
}

/**
 * One block of Mamba-2 (Dao and Gu 2024, arXiv 2405.21060, section 7): x + out(norm(scan(silu(conv(u, B, C))) · silu(z))),
 * where [z, u, B, C, dt] = in(norm(x)).
 *
 * x float32 [rows, hidden] → the same, and the state behind the last row of every series.
 */
export function mamba2Block(
  x: SymbolicTensor,
  offsets: SymbolicTensor,
  weights: Mamba2BlockWeights,
  sizes: Mamba2BlockSizes,
  before?: BlockState,
): SteppedRows {
  const { numHeads, headDim, dState, numGroups, convKernel, normGroups } = sizes;
  const epsilon = sizes.normEpsilon;
  const { builder } = x;
  const weight = (handle: WeightHandle | undefined) => handle && builder.weight(handle);
  const inner = numHeads * headDim;
  const channels = inner + 2 * numGroups * dState;
  const normed = rmsNorm(x, builder.weight(weights.norm), { epsilon });
  const projected = linear(normed, builder.weight(weights.inProj), { bias: weight(weights.inProjBias) });
  const conv = causalConv1d(
    {
      x: { tensor: projected, column: inner },
      weight: builder.weight(weights.conv),
      bias: weight(weights.convBias),
      offsets,
      initialState: before?.conv,
    },
    { channels, width: convKernel, activation: 'silu' },
  );
  const scan = ssdScan(
    {
      x: conv.y,
      dt: { tensor: projected, column: inner + channels },
      dtBias: builder.weight(weights.dtBias),
      A: builder.weight(weights.decay),
      B: { tensor: conv.y, column: inner },
      C: { tensor: conv.y, column: inner + numGroups * dState },
      D: builder.weight(weights.skip),
      offsets,
      initialState: before?.scan,
    },
    { heads: numHeads, headDim, dState, groups: numGroups, dtSoftplus: true, dtLimit: sizes.timeStepLimit },
  );
  const gate = { tensor: projected, column: 0 };
  const gated = rmsNorm(scan.y, builder.weight(weights.gatedNorm), { epsilon, gate, groups: normGroups });
  const output = { bias: weight(weights.outProjBias), residual: x };
  return {
    x: linear(gated, builder.weight(weights.outProj), output),
    state: { conv: conv.lastState, scan: scan.lastState },
  };
}
