import { TidemergeError } from '../../errors.js';
import type { Attributes } from '../backend.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { type FloatValue, float32 } from './value.js';

export const sparseLinear: ReferenceOperator = {
  inputs: [2, 4],
  outputs: 1,
  attributes: { activation: 'string', activations: 'string' },
  check(attributes) {
    expectChoice('sparse_linear', attributes, 'activation', ['none', 'relu']);
    expectChoice('sparse_linear', attributes, 'activations', ['float32', 'int8']);
  },
  run(call) {
    const weight = weightOf(call);
    const { rows: out, cols: inner } = weight;
    const alpha = alphaOf(call, weight);
    const x = call.input(0, 'x', 'float32');
    if (x.cols !== inner) throw call.error('ERR_INVALID_SHAPE', 'x', `${inner} columns`, x.cols);
    return [
      sparseProduct(x, weight, alpha, {
        bias: call.has(2) ? call.floats(2, 'bias', out) : undefined,
        residual: call.has(3) ? call.shaped(3, 'residual', x.rows, out, 'float32').data : undefined,
        relu: call.string('activation') === 'relu',
        quantized: call.string('activations') === 'int8',
      }),
    ];
  },
};

interface Product {
  readonly bias: Float64Array | undefined;
  readonly residual: Float64Array | undefined;
  readonly relu: boolean;
  readonly quantized: boolean;
}

/** weight holds the entries in full; alpha is their magnitude. */
export function sparseProduct(x: FloatValue, weight: FloatValue, alpha: number, product: Product): FloatValue {
  const { bias, residual, relu, quantized } = product;
  const { rows: out, cols: inner } = weight;
  const y = float32(x.rows, out);
  for (let i = 0; i < x.rows; i++) {
    const given = x.data.subarray(i * inner, (i + 1) * inner);
    const { scale, values } = quantized ? quantizeRow(given) : { scale: 1, values: given };
    for (let j = 0; j < out; j++) {
      const sum = signedSum(values, weight.data.subarray(j * inner, (j + 1) * inner));
      const linear = alpha * scale * sum + (bias?.[j] ?? 0);
      const at = i * out + j;
      y.data[at] = (relu && linear < 0 ? 0 : linear) + (residual?.[at] ?? 0);
    }
  }
  return y;
}

/** Inputs that are not kept are not read. */
function signedSum(values: Float64Array, signs: Float64Array): number {
  let sum = 0;
  for (const [k, sign] of signs.entries()) {
    if (sign > 0) sum += values[k]!;
    else if (sign < 0) sum -= values[k]!;
  }
  return sum;
}

/** Below this, a row of inputs counts as zeros when it is rounded: the reciprocal of its scale would overflow. */
const SMALLEST_LARGEST = 2 ** -100;

/**
 * The row as whole numbers from -127 to 127 times a scale. This is what the native kernels do step by step, in float32:
 * with anything else, a value near a half would now and then be rounded the other way.
 */
export function quantizeRow(row: Float64Array): { readonly scale: number; readonly values: Float64Array } {
  if (!row.every(Number.isFinite)) return { scale: NaN, values: new Float64Array(row.length) };
  const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest < SMALLEST_LARGEST) return { scale: 0, values: new Float64Array(row.length) };
  const inverse = Math.fround(127 / largest);
  const values = row.map((value) => roundEven(Math.fround(value * inverse)));
  return { scale: Math.fround(largest / 127), values };
}

/** To the nearest integer, ties to even. */
function roundEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

/** A sparse binary weight, or for direct use its entries in full. */
function weightOf(call: Call): FloatValue {
  return call.isWeight(1) ? call.weight(1, 'weight', 'sparse-binary') : call.input(1, 'weight', 'float32');
}

/** The one magnitude of all entries that are not 0. */
export function alphaOf(call: Call, { data }: FloatValue): number {
  const alpha = Math.abs(data.find((value) => value !== 0) ?? 1);
  const wrong = data.find((value) => !(value === 0 || Math.abs(value) === alpha) || !Number.isFinite(value));
  if (wrong === undefined) return alpha;
  throw call.error('ERR_INVALID_ARGUMENT', 'weight', `${-alpha}, 0 and ${alpha} only`, wrong);
}

export function expectChoice(op: string, attributes: Attributes, name: string, choices: readonly string[]): void {
  const value = attributes[name] as string;
  if (!choices.includes(value)) {
    const text = `${op}: attribute ${name}: expected ${choices.join(' or ')}, got ${value}`;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', text);
  }
}
