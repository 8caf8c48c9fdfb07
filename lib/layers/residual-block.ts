import type { WeightHandle } from '../backend/backend.js';
import type { SymbolicTensor } from '../backend/program.js';
import { type Activation, linear } from '../ops/linear.js';

export interface BiasedLinearWeights {
  /** [out, in] */
  readonly weight: WeightHandle;
  /** [out] */
  readonly bias: WeightHandle;
}

export interface ResidualBlockWeights {
  readonly hidden: BiasedLinearWeights;
  readonly output: BiasedLinearWeights;
  readonly residual: BiasedLinearWeights;
}

/** output(act(hidden(x))) + residual(x), three linear layers with bias: x float32 [rows, in] → [rows, out]. */
export function residualBlock(
  x: SymbolicTensor,
  weights: ResidualBlockWeights,
  { activation }: { readonly activation: Activation },
): SymbolicTensor {
  const apply = (input: SymbolicTensor, { weight, bias }: BiasedLinearWeights, rest = {}) =>
    linear(input, input.builder.weight(weight), { bias: input.builder.weight(bias), ...rest });
  const hidden = apply(x, weights.hidden, { activation });
  return apply(hidden, weights.output, { residual: apply(x, weights.residual) });
}
