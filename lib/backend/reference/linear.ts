import type { Call } from './call.js';
import { activationFunction, checkActivation } from './elementwise.js';
import type { ReferenceOperator } from './operator.js';
import { type FloatValue, float32 } from './value.js';

export const linear: ReferenceOperator = {
  inputs: [2, 4],
  outputs: 1,
  attributes: { activation: 'string' },
  check: (attributes) => checkActivation('linear', 'activation', attributes.activation),
  run(call) {
    const weight = weightOf(call);
    const { rows: out, cols: inner } = weight;
    const x = call.input(0, 'x', 'float32');
    if (x.cols !== inner) throw call.error('ERR_INVALID_SHAPE', 'x', `${inner} columns`, x.cols);
    const bias = call.has(2) ? call.floats(2, 'bias', out) : undefined;
    const residual = call.has(3) ? call.shaped(3, 'residual', x.rows, out, 'float32').data : undefined;
    const act = activationFunction(call.string('activation'));
    const y = float32(x.rows, out);
    for (let i = 0; i < x.rows; i++) {
      for (let j = 0; j < out; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += x.data[i * inner + k]! * weight.data[j * inner + k]!;
        const at = i * out + j;
        y.data[at] = act(sum + (bias?.[j] ?? 0)) + (residual?.[at] ?? 0);
      }
    }
    return [y];
  },
};

/** A packed matrix, or for direct use a plain value of the same layout. */
function weightOf(call: Call): FloatValue {
  return call.isWeight(1) ? call.weight(1, 'weight', 'matrix') : call.input(1, 'weight', 'float32');
}
