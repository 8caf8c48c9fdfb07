import type { WeightHandle } from '../backend/backend.js';
import type { SymbolicTensor } from '../backend/program.js';
import { causalConv1d } from '../ops/causal-conv1d.js';
import { linear } from '../ops/linear.js';
import { rmsNorm } from '../ops/norm.js';
import { columns } from '../ops/rows.js';
import { selectiveScan } from '../ops/selective-scan.js';
import type { BlockState, SteppedRows } from './recurrent-block.js';

/** The handles of one block. Matrices are [outputs, inputs]. */
export interface MambaBlockWeights {
  /** [hidden] */
  readonly norm: WeightHandle;
  /** [2 · dInner, hidden]: u above, gate below. */
  readonly inProj: WeightHandle;
  readonly inProjBias: WeightHandle | undefined;
  /** [dInner, convKernel] */
  readonly conv: WeightHandle;
  readonly convBias: WeightHandle | undefined;
  /** [dtRank + 2 · dState, dInner]: step bottleneck, B, C. */
  readonly xProj: WeightHandle;
  /** [dInner, dtRank] */
  readonly dtProj: WeightHandle;
  /** [dInner] */
  readonly dtBias: WeightHandle;
  /** [dInner, dState]: A itself, negative. */
  readonly decay: WeightHandle;
  /** [dInner]: D */
  readonly skip: WeightHandle;
  /** [hidden, dInner] */
  readonly outProj: WeightHandle;
  readonly outProjBias: WeightHandle | undefined;
}

export interface MambaBlockSizes {
  readonly dInner: number;
  readonly dState: number;
  readonly convKernel: number;
  readonly dtRank: number;
  readonly normEpsilon: number;
}

/**
 * One block of Mamba (Gu and Dao 2023, figure 3): x + out(scan(silu(conv(u))) · silu(z)), where [u, z] = in(norm(x)) and
 * step sizes, B and C are projections of the convolved u.
 *
 * x float32 [rows, hidden] → the same, and the state behind the last row of every series.
 */
export function mambaBlock(
  x: SymbolicTensor,
  offsets: SymbolicTensor,
  weights: MambaBlockWeights,
  { dInner, dState, convKernel, dtRank, normEpsilon }: MambaBlockSizes,
  before?: BlockState,
): SteppedRows {
  const { builder } = x;
  const weight = (handle: WeightHandle | undefined) => handle && builder.weight(handle);
  const normed = rmsNorm(x, builder.weight(weights.norm), { epsilon: normEpsilon });
  const projected = linear(normed, builder.weight(weights.inProj), { bias: weight(weights.inProjBias) }); // [rows, 2 · dInner]
  const conv = causalConv1d(
    {
      x: { tensor: projected, column: 0 },
      weight: builder.weight(weights.conv),
      bias: weight(weights.convBias),
      offsets,
      initialState: before?.conv,
    },
    { channels: dInner, width: convKernel, activation: 'silu' },
  );
  const parameters = linear(conv.y, builder.weight(weights.xProj)); // [rows, dtRank + 2 · dState]
  const scan = selectiveScan(
    {
      u: conv.y,
      delta: linear(columns(parameters, 0, dtRank), builder.weight(weights.dtProj)), // [rows, dInner]
      deltaBias: builder.weight(weights.dtBias),
      A: builder.weight(weights.decay),
      B: { varying: { tensor: parameters, column: dtRank }, groups: 1 },
      C: { varying: { tensor: parameters, column: dtRank + dState }, groups: 1 },
      D: builder.weight(weights.skip),
      z: { tensor: projected, column: dInner },
      offsets,
      initialState: before?.scan,
    },
    { dInner, dState, deltaSoftplus: true },
  );
  const output = { bias: weight(weights.outProjBias), residual: x };
  return {
    x: linear(scan.y, builder.weight(weights.outProj), output),
    state: { conv: conv.lastState, scan: scan.lastState },
  };
}
