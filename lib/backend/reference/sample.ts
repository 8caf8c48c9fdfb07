import { TidemergeError } from '../../errors.js';
import type { Attributes } from '../backend.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { mix, type PhiloxKey, seriesKey, uniform } from './random.js';
import { type FloatValue, float32, int32 } from './value.js';

export const seriesKeys: ReferenceOperator = {
  inputs: [2, 2],
  outputs: 1,
  run(call) {
    const values = call.vector(0, 'values', 'float32', 'float64');
    const offsets = call.offsets(1, 'offsets', values.rows);
    const keys = int32(offsets.length - 1, 2);
    for (let b = 0; b < keys.rows; b++) {
      keys.data.set(seriesKey(values.data.subarray(offsets[b], offsets[b + 1])), 2 * b);
    }
    return [keys];
  },
};

const ATTRIBUTES = { temperature: 'number', topK: 'integer', topP: 'number', forbidden: 'numbers' } as const;

function checkSampling(op: string) {
  return ({ temperature, topK, topP }: Attributes): void => {
    const fail = (name: string, expected: string, got: unknown) => {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: attribute ${name}: expected ${expected}, got ${got}`);
    };
    const rounded = Math.fround(temperature as number);
    if (!(rounded > 0 && rounded < Infinity)) fail('temperature', 'a positive number', temperature);
    if ((topK as number) < 0) fail('topK', 'an integer >= 0', topK);
    if (!((topP as number) > 0 && (topP as number) <= 1)) fail('topP', 'a number in (0, 1]', topP);
  };
}

/** The rows' unnormalised probabilities exp(z - max), 0 for the ids that are out. */
function weightsOf(call: Call): { logits: FloatValue; rows: Float64Array[] } {
  const logits = call.input(0, 'logits', 'float32');
  const forbidden = call.numbers('forbidden');
  for (const id of forbidden) {
    if (!Number.isInteger(id) || id < 0 || id >= logits.cols) {
      throw call.error('ERR_INVALID_ARGUMENT', 'forbidden', `ids in [0, ${logits.cols})`, id);
    }
  }
  const rows = Array.from({ length: logits.rows }, (_, r) => {
    const row = logits.data.subarray(r * logits.cols, (r + 1) * logits.cols);
    const all = scaled(row, call.number('temperature'), forbidden);
    if (all.some((x) => Number.isNaN(x) || x === Infinity)) {
      throw call.error('ERR_BAD_DATA', 'logits', 'finite numbers', `NaN or infinity in row ${r}`);
    }
    const z = filterTopK(all, call.number('topK'));
    const largest = z.reduce((a, b) => Math.max(a, b), -Infinity);
    if (largest === -Infinity) throw call.error('ERR_BAD_DATA', 'logits', 'an id to draw', `none in row ${r}`);
    const e = z.map((x) => (x === -Infinity ? 0 : Math.fround(Math.exp(Math.fround(x - largest)))));
    return filterTopP(e, call.number('topP'));
  });
  return { logits, rows };
}

function scaled(row: Float64Array, temperature: number, forbidden: readonly number[]): Float64Array {
  const z = row.map((x) => Math.fround(x / Math.fround(temperature)));
  for (const id of forbidden) z[id] = -Infinity;
  return z;
}

/** Ids below the k-th largest go out. */
function filterTopK(z: Float64Array, topK: number): Float64Array {
  const left = z.filter((x) => x !== -Infinity);
  if (topK === 0 || topK >= left.length) return z;
  const threshold = left.toSorted()[left.length - topK]!;
  return z.map((x) => (x < threshold ? -Infinity : x));
}

/** In descending order (of equal ones the larger id first) ids stay while those before them do not reach topP. */
function filterTopP(e: Float64Array, topP: number): Float64Array {
  if (topP === 1) return e;
  const target = topP * sum(e);
  const order = [...e.keys()].filter((id) => e[id]! > 0).sort((a, b) => e[b]! - e[a]! || b - a);
  const kept = new Float64Array(e.length);
  let before = 0;
  for (const id of order) {
    if (before >= target) break;
    kept[id] = e[id]!;
    before += e[id]!;
  }
  return kept;
}

function sum(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0);
}

export const samplingDistribution: ReferenceOperator = {
  inputs: [1, 1],
  outputs: 1,
  attributes: ATTRIBUTES,
  check: checkSampling('sampling_distribution'),
  run(call) {
    const { logits, rows } = weightsOf(call);
    const y = float32(logits.rows, logits.cols);
    rows.forEach((e, r) => {
      const total = sum(e);
      y.data.set(
        e.map((value) => value / total),
        r * logits.cols,
      );
    });
    return [y];
  },
};

export const sampleTokens: ReferenceOperator = {
  inputs: [5, 5],
  outputs: 1,
  attributes: ATTRIBUTES,
  check: checkSampling('sample_tokens'),
  run(call) {
    const { logits, rows } = weightsOf(call);
    const keys = call.input(1, 'keys', 'int32');
    const seed = words(call.shaped(2, 'seed', 2, 1, 'int32').data, 0);
    const step = call.scalar(3, 'step') >>> 0;
    const numSamples = call.scalar(4, 'numSamples', 1);
    if (keys.cols !== 2 || keys.rows * numSamples !== logits.rows) {
      const expected = `[${logits.rows / numSamples}, 2]`;
      throw call.error('ERR_INVALID_SHAPE', 'keys', expected, `[${keys.rows}, ${keys.cols}]`);
    }
    const ids = rows.map((e, r) => {
      const key = mix(seed, words(keys.data, 2 * Math.floor(r / numSamples)));
      return drawn(e, uniform(key, r % numSamples, step));
    });
    return [int32(ids.length, 1, Int32Array.from(ids))];
  },
};

/** Two int32 as the unsigned words of a key. */
function words(data: ArrayLike<number>, at: number): PhiloxKey {
  return [data[at]! >>> 0, data[at + 1]! >>> 0];
}

/** The first id whose running sum exceeds u · total. */
function drawn(e: Float64Array, u: number): number {
  const target = u * sum(e);
  let running = 0;
  for (const [id, value] of e.entries()) {
    running += value;
    if (running > target) return id;
  }
  throw new TidemergeError('ERR_INTERNAL', 'sample_tokens: the running sum never exceeded its share of the total');
}
