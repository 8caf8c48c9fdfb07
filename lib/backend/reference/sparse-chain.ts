import { TidemergeError } from '../../errors.js';
import type { ReferenceOperator } from './operator.js';
import { alphaOf, expectChoice, sparseProduct } from './sparse-linear.js';
import type { FloatValue } from './value.js';

const MOST_STAGES = 16;

export const sparseChain: ReferenceOperator = {
  inputs: [2, 1 + 2 * MOST_STAGES],
  outputs: 1,
  attributes: { activations: 'string', relus: 'numbers', residuals: 'numbers' },
  check(attributes) {
    expectChoice('sparse_chain', attributes, 'activations', ['float32', 'int8']);
    const { relus, residuals } = attributes as { relus: readonly number[]; residuals: readonly number[] };
    if (relus.length < 1 || relus.length > MOST_STAGES) {
      throw wrong('relus', `1 to ${MOST_STAGES} numbers`, relus.length);
    }
    if (residuals.length !== relus.length) throw wrong('residuals', `${relus.length} numbers`, residuals.length);
    for (const [s, residual] of residuals.entries()) {
      if (relus[s] !== 0 && relus[s] !== 1) throw wrong('relus', '0 or 1', relus[s]!);
      if (Number.isInteger(residual) && residual >= -1 && residual <= s) continue;
      throw wrong('residuals', '-1, 0 or the number of an earlier stage', residual);
    }
  },
  run(call) {
    const relus = call.numbers('relus');
    const residuals = call.numbers('residuals');
    const quantized = call.string('activations') === 'int8';
    const results: FloatValue[] = [call.input(0, 'x', 'float32')];
    for (const [s, relu] of relus.entries()) {
      const [x, name] = [results[s]!, `${s + 1}`];
      const weight = call.weight(1 + 2 * s, `weight ${name}`, 'sparse-binary');
      if (weight.cols !== x.cols) {
        throw call.error('ERR_INVALID_SHAPE', `weight ${name}`, `${x.cols} columns`, weight.cols);
      }
      const bias = call.has(2 + 2 * s) ? call.floats(2 + 2 * s, `bias ${name}`, weight.rows) : undefined;
      const added = results[residuals[s]!];
      if (added && added.cols !== weight.rows) {
        throw call.error('ERR_INVALID_SHAPE', `residual ${name}`, `${weight.rows} columns`, added.cols);
      }
      const product = { bias, residual: added?.data, relu: relu === 1, quantized };
      results.push(sparseProduct(x, weight, alphaOf(call, weight), product));
    }
    return [results.at(-1)!];
  },
};

function wrong(name: string, expected: string, got: number): TidemergeError {
  const text = `sparse_chain: attribute ${name}: expected ${expected}, got ${got}`;
  return new TidemergeError('ERR_INVALID_ARGUMENT', text);
}
