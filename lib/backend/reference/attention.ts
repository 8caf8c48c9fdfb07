import type { Call } from './call.js';
import { mergedBias } from './merged-bias.js';
import type { ReferenceOperator } from './operator.js';
import { type FloatValue, float32 } from './value.js';

/** One head's vectors inside a wider matrix: row i begins at i · stride + column. */
export interface HeadRows {
  readonly data: Float64Array;
  readonly stride: number;
  readonly column: number;
}

/**
 * out = Σ exp(score_j) · v_j / Σ exp(score_j). A key with score -inf is left out whatever its value holds; no key at all
 * gives zeros; a NaN score gives NaN.
 */
export function attend(scores: readonly number[], values: HeadRows, firstRow: number, out: Float64Array): void {
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  out.fill(0);
  if (largest === -Infinity) return;
  let total = 0;
  scores.forEach((score, j) => {
    if (score === -Infinity) return;
    const weight = Math.exp(score - largest);
    total += weight;
    const start = (firstRow + j) * values.stride + values.column;
    for (let d = 0; d < out.length; d++) out[d]! += weight * values.data[start + d]!;
  });
  for (let d = 0; d < out.length; d++) out[d]! /= total;
}

export function dot(a: HeadRows, rowA: number, b: HeadRows, rowB: number, length: number): number {
  const startA = rowA * a.stride + a.column;
  const startB = rowB * b.stride + b.column;
  let sum = 0;
  for (let d = 0; d < length; d++) sum += a.data[startA + d]! * b.data[startB + d]!;
  return sum;
}

/** distance -> bias of a head, saturating at both ends of the table; none: 0. */
export function distanceBiasOf(call: Call, i: number, numHeads: number): (head: number, distance: number) => number {
  if (!call.has(i)) return () => 0;
  const table = call.input(i, 'distanceBias', 'float32');
  if (table.rows !== numHeads || table.cols % 2 === 0) {
    throw call.error(
      'ERR_INVALID_SHAPE',
      'distanceBias',
      `[${numHeads}, an odd number]`,
      `[${table.rows}, ${table.cols}]`,
    );
  }
  const reach = (table.cols - 1) / 2;
  return (head, distance) => table.data[head * table.cols + Math.min(Math.max(distance, -reach), reach) + reach]!;
}

/** The input has all columns that its heads need. */
export function expectHeads(call: Call, name: string, value: FloatValue, column: number): void {
  const end = column + call.number('numHeads') * call.number('headDim');
  if (value.cols < end) throw call.error('ERR_INVALID_SHAPE', name, `at least ${end} columns`, value.cols);
}

export const attention: ReferenceOperator = {
  inputs: [5, 12],
  outputs: 1,
  attributes: {
    numHeads: 'integer',
    headDim: 'integer',
    scale: 'number',
    causal: 'boolean',
    queryColumn: 'integer',
    keyColumn: 'integer',
    valueColumn: 'integer',
    packedKeys: 'boolean',
  },
  run(call) {
    const numHeads = call.number('numHeads');
    const headDim = call.number('headDim');
    const scale = call.number('scale');
    const { query, key, value, queryOffsets, keyOffsets } = attentionInputs(call);
    const { visible, addend } = scoreRules(call, queryOffsets, keyOffsets);
    const width = numHeads * headDim;
    const y = float32(query.rows, width);
    for (let b = 0; b + 1 < queryOffsets.length; b++) {
      const keys = range(keyOffsets[b]!, keyOffsets[b + 1]!);
      for (const i of range(queryOffsets[b]!, queryOffsets[b + 1]!)) {
        for (let h = 0; h < numHeads; h++) {
          const q = headOf(query, h, headDim);
          const k = headOf(key, h, headDim);
          const scores = keys.map((j) =>
            visible(i, j) ? score(scale, () => dot(q, i, k, j, headDim), addend(h, i, j)) : -Infinity,
          );
          const at = i * width + h * headDim;
          attend(scores, headOf(value, h, headDim), keyOffsets[b]!, y.data.subarray(at, at + headDim));
        }
      }
    }
    return [y];
  },
};

function headOf(rows: HeadRows, h: number, headDim: number): HeadRows {
  return { data: rows.data, stride: rows.stride, column: rows.column + h * headDim };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** A bias of -inf leaves a key out whatever the key holds, NaN included. */
export function score(scale: number, product: () => number, addend: number): number {
  return addend === -Infinity ? -Infinity : scale * product() + addend;
}

function attentionInputs(call: Call) {
  const rows = (i: number, name: string, column: number): HeadRows & { rows: number } => {
    const value = call.input(i, name, 'float32');
    expectHeads(call, name, value, column);
    return { data: value.data, stride: value.cols, column, rows: value.rows };
  };
  const query = rows(0, 'query', call.number('queryColumn'));
  const key = rows(1, 'key', call.boolean('packedKeys') ? 0 : call.number('keyColumn'));
  const value = rows(2, 'value', call.number('valueColumn'));
  if (value.rows !== key.rows) throw call.error('ERR_INVALID_SHAPE', 'value', `${key.rows} rows`, value.rows);
  const queryOffsets = call.offsets(3, 'queryOffsets', query.rows);
  const keyOffsets = call.offsets(4, 'keyOffsets', key.rows);
  if (keyOffsets.length !== queryOffsets.length) {
    throw call.error('ERR_INVALID_SHAPE', 'keyOffsets', `[${queryOffsets.length}, 1]`, `[${keyOffsets.length}, 1]`);
  }
  return { query, key, value, queryOffsets, keyOffsets };
}

/** Which keys a query sees, and what is added to their scaled products. */
function scoreRules(call: Call, queryOffsets: Int32Array, keyOffsets: Int32Array) {
  const queryPositions = positionsOf(call, 5, 'queryPositions', queryOffsets);
  const keyPositions = positionsOf(call, 6, 'keyPositions', keyOffsets);
  const causal = call.boolean('causal');
  const bias = distanceBiasOf(call, 7, call.number('numHeads'));
  const merged = call.has(9) ? mergedBias(call, queryOffsets, keyOffsets, bias) : undefined;
  const sizes = call.has(8) ? call.floats(8, 'keySizes', keyPositions.length) : undefined;
  const distance = (i: number, j: number) => keyPositions[j]! - queryPositions[i]!;
  return {
    visible: (i: number, j: number) => !causal || distance(i, j) <= 0,
    addend: (h: number, i: number, j: number) =>
      (merged ? merged(h, i, j) : bias(h, distance(i, j))) + (sizes ? Math.log(sizes[j]!) : 0),
  };
}

/** A token's place in its series: as given, or 0, 1, 2 … */
function positionsOf(call: Call, i: number, name: string, offsets: Int32Array): ArrayLike<number> {
  const rows = offsets.at(-1)!;
  if (call.has(i)) return call.shaped(i, name, rows, 1, 'int32').data;
  const positions = new Int32Array(rows);
  for (let b = 0; b + 1 < offsets.length; b++) {
    for (let row = offsets[b]!; row < offsets[b + 1]!; row++) positions[row] = row - offsets[b]!;
  }
  return positions;
}

/** The native backend orders keys for its kernel; here the columns are only copied. */
export const packKeys: ReferenceOperator = {
  inputs: [2, 2],
  outputs: 1,
  attributes: { numHeads: 'integer', headDim: 'integer', keyColumn: 'integer' },
  run(call) {
    const key = call.input(0, 'key', 'float32');
    const column = call.number('keyColumn');
    expectHeads(call, 'key', key, column);
    call.offsets(1, 'keyOffsets', key.rows);
    const width = call.number('numHeads') * call.number('headDim');
    const y = float32(key.rows, width);
    for (let i = 0; i < key.rows; i++) {
      const start = i * key.cols + column;
      y.data.set(key.data.subarray(start, start + width), i * width);
    }
    return [y];
  },
};
