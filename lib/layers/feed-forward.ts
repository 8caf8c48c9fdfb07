import type { WeightHandle } from '../backend/backend.js';
import type { SymbolicTensor } from '../backend/program.js';
import { multiply } from '../ops/elementwise.js';
import { type Activation, linear } from '../ops/linear.js';
import { rmsNorm } from '../ops/norm.js';

export interface FeedForwardWeights {
  /** [dModel] */
  readonly norm: WeightHandle;
  /** [dFf, dModel] */
  readonly input: WeightHandle;
  /** [dFf, dModel]: what the activated input is multiplied by (Shazeer 2020); absent in a plain feed-forward. */
  readonly gate?: WeightHandle | undefined;
  /** [dModel, dFf] */
  readonly output: WeightHandle;
}

export interface FeedForwardOptions {
  readonly activation: Activation;
  readonly epsilon: number;
}

/** x + output(act(input(norm(x))) [· gate(norm(x))]): x float32 [rows, dModel]. */
export function feedForward(
  x: SymbolicTensor,
  weights: FeedForwardWeights,
  { activation, epsilon }: FeedForwardOptions,
): SymbolicTensor {
  const { builder } = x;
  const normed = rmsNorm(x, builder.weight(weights.norm), { epsilon });
  const activated = linear(normed, builder.weight(weights.input), { activation }); // [rows, dFf]
  const hidden = weights.gate ? multiply(activated, linear(normed, builder.weight(weights.gate))) : activated;
  return linear(hidden, builder.weight(weights.output), { residual: x });
}
