import { describe, expect, it } from 'vitest';
import type { OperatorNode, WeightHandle, WeightKind } from '../../../lib/backend/backend.js';
import { ProgramBuilder, type SymbolicTensor } from '../../../lib/backend/program.js';
import { attention, columnView, packKeys } from '../../../lib/ops/attention.js';
import { cachedAttention } from '../../../lib/ops/cached-attention.js';
import { activation, add, scaleShift, softmax } from '../../../lib/ops/elementwise.js';
import { embedding } from '../../../lib/ops/embedding.js';
import { instanceNormPatch } from '../../../lib/ops/instance-norm-patch.js';
import { linear } from '../../../lib/ops/linear.js';
import { layerNorm, rmsNorm } from '../../../lib/ops/norm.js';
import { fillIds, writeColumn, zeros } from '../../../lib/ops/offsets.js';
import { interpolateQuantiles, sampleQuantiles } from '../../../lib/ops/quantiles.js';
import { columns, gatherRows, padRows } from '../../../lib/ops/rows.js';
import { sampleTokens, samplingDistribution, seriesKeys } from '../../../lib/ops/sample.js';
import { meanScaleTokenize } from '../../../lib/ops/tokenize.js';
import type { DType } from '../../../lib/tensor/tensor.js';

/*
 * What recording knows and refuses. What operators compute is tested in test/unit/backend/reference and test/parity.
 */

const builder = new ProgramBuilder();
let names = 0;
const input = (dtype: DType, cols?: number) => builder.input(`input${names++}`, dtype, cols);
const f32 = (cols?: number) => input('float32', cols);
const i32 = (cols = 1) => input('int32', cols);
const weight = (kind: WeightKind, rows: number, cols: number): SymbolicTensor => {
  const handle: WeightHandle = { spec: { name: 'w', kind, shape: [rows, cols] }, dispose() {} };
  return builder.weight(handle);
};
const lastNode = () => builder.build().description.nodes.at(-1) as OperatorNode;
const ids = (...tensors: (SymbolicTensor | undefined)[]) => tensors.map((tensor) => tensor?.id ?? -1);

describe('linear', () => {
  const w = weight('matrix', 5, 3);

  it('records one operator', () => {
    const x = f32(3);
    const bias = weight('vector', 5, 1);
    const residual = f32();
    const y = linear(x, w, { bias, residual, activation: 'gelu' });
    expect(y).toMatchObject({ dtype: 'float32', columns: 5 });
    expect(lastNode()).toEqual({
      op: 'linear',
      inputs: ids(x, w, bias, residual),
      outputs: [y.id],
      attributes: { activation: 'gelu' },
    });
    linear(f32(), w);
    expect(lastNode()).toMatchObject({ inputs: [expect.anything(), w.id, -1, -1], attributes: { activation: 'none' } });
  });

  it('refuses what cannot fit', () => {
    expect(() => linear(f32(4), w)).toThrow('linear: x: expected 3 columns, got 4');
    expect(() => linear(i32(3), w)).toThrow('linear: x: expected float32, got int32');
    expect(() => linear(f32(3), f32(3))).toThrow('linear: weight: expected a matrix weight, got float32');
    expect(() => linear(f32(3), weight('table', 5, 3))).toThrow('expected a matrix weight, got a table');
    expect(() => linear(f32(3), w, { bias: weight('vector', 4, 1) })).toThrow('bias: expected [5, 1], got [4, 1]');
    expect(() => linear(f32(3), w, { bias: weight('vector', 1, 5) })).not.toThrow();
    expect(() => linear(f32(3), w, { residual: f32(4) })).toThrow('residual: expected 5 columns, got 4');
  });
});

describe('embedding and norms', () => {
  it('know their columns', () => {
    expect(embedding(i32(), weight('table', 10, 7))).toMatchObject({ dtype: 'float32', columns: 7 });
    expect(rmsNorm(f32(7), weight('vector', 7, 1), { epsilon: 0 }).columns).toBe(7);
    const [x, w, bias] = [f32(2), weight('vector', 2, 1), weight('vector', 2, 1)];
    layerNorm(x, w, { epsilon: 1e-5, bias });
    expect(lastNode()).toMatchObject({ op: 'layer_norm', inputs: ids(x, w, bias), attributes: { epsilon: 1e-5 } });
  });

  it('refuse what cannot fit', () => {
    expect(() => embedding(f32(), weight('table', 10, 7))).toThrow('embedding: ids: expected int32, got float32');
    expect(() => rmsNorm(f32(7), weight('vector', 6, 1), { epsilon: 0 })).toThrow(
      'weight: expected [7, 1], got [6, 1]',
    );
    expect(() => rmsNorm(f32(7), weight('vector', 7, 1), { epsilon: -1 })).toThrow(
      'epsilon: expected a finite number >= 0',
    );
    expect(() => layerNorm(f32(), f32(1), { epsilon: NaN })).toThrow('layer_norm: epsilon');
  });
});

describe('attention', () => {
  const heads = { numHeads: 2, headDim: 4, scale: 0.5 };
  const offsets = () => ({ queryOffsets: i32(), keyOffsets: i32() });

  it('reads columns of a fused product', () => {
    const qkv = f32(24);
    const rows = offsets();
    const y = attention(
      { query: qkv, key: columnView({ tensor: qkv, column: 8 }), value: { tensor: qkv, column: 16 }, ...rows },
      heads,
    );
    expect(y.columns).toBe(8);
    expect(lastNode()).toEqual({
      op: 'attention',
      inputs: [...ids(qkv, qkv, qkv, rows.queryOffsets, rows.keyOffsets), -1, -1, -1, -1],
      outputs: [y.id],
      attributes: { ...heads, causal: false, queryColumn: 0, keyColumn: 8, valueColumn: 16, packedKeys: false },
    });
  });

  it('knows packed keys', () => {
    const rows = offsets();
    const key = packKeys({ tensor: f32(16), column: 8 }, rows.keyOffsets, heads);
    expect(key).toMatchObject({ dtype: 'opaque' });
    attention({ query: f32(8), key, value: f32(8), ...rows }, heads);
    expect(lastNode().attributes).toMatchObject({ packedKeys: true, keyColumn: 0 });
    expect(() => softmax(key)).toThrow('softmax: x: expected float32, got opaque');
    expect(() => builder.output('packed', key)).toThrow("output 'packed': expected numbers, got opaque");
  });

  it('refuses what cannot fit', () => {
    const inputs = { query: f32(8), key: f32(8), value: f32(8), ...offsets() };
    expect(() => attention({ ...inputs, value: { tensor: f32(8), column: 1 } }, heads)).toThrow(
      'attention: value: expected at least 9 columns (2 heads of 4 from column 1), got 8',
    );
    expect(() => attention(inputs, { ...heads, numHeads: 0 })).toThrow('numHeads: expected an integer >= 1, got 0');
    expect(() => attention(inputs, { ...heads, scale: Infinity })).toThrow('scale: expected a finite number');
    expect(() => attention({ ...inputs, keyOffsets: f32(1) }, heads)).toThrow('keyOffsets: expected int32');
    expect(() => attention({ ...inputs, distanceBias: weight('vector', 3, 5) }, heads)).toThrow(
      'distanceBias: expected [2, an odd number], got [3, 5]',
    );
    expect(() => attention({ ...inputs, distanceBias: weight('vector', 2, 4) }, heads)).toThrow('an odd number');
  });

  it('records a cached step', () => {
    const qkv = f32(24);
    const [keyState, valueState] = [builder.state('keys', 'float32'), builder.state('values', 'float32')];
    const [step, capacity] = [i32(), i32()];
    const view = (column: number) => ({ tensor: qkv, column });
    const y = cachedAttention(
      { query: view(0), key: view(8), value: view(16), keyState, valueState, step, capacity },
      heads,
    );
    expect(lastNode()).toEqual({
      op: 'cached_attention',
      inputs: [...ids(qkv, qkv, qkv, keyState, valueState, step, capacity), -1],
      outputs: [y.id],
      attributes: { ...heads, queryColumn: 0, keyColumn: 8, valueColumn: 16 },
    });
  });
});

describe('elementwise operators and rows', () => {
  it('keep columns and types', () => {
    expect(add(f32(), f32(3)).columns).toBe(3);
    expect(columns(i32(9), 2, 6)).toMatchObject({ dtype: 'int32', columns: 4 });
    expect(gatherRows(i32(2), i32())).toMatchObject({ dtype: 'int32', columns: 2 });
    expect(writeColumn(i32(2), i32(), i32())).toMatchObject({ dtype: 'int32', columns: 2 });
    expect(zeros(i32(), i32(), i32(), 'int32')).toMatchObject({ dtype: 'int32', columns: undefined });
    const { padded, mask } = padRows({ x: f32(4), offsets: i32(), positions: i32() }, i32());
    expect([padded.columns, mask.dtype]).toEqual([4, 'uint8']);
  });

  it('refuse what cannot fit', () => {
    expect(() => add(f32(2), f32(3))).toThrow('add: b: expected 2 columns, got 3');
    expect(() => activation(i32(), 'relu')).toThrow('activation: x: expected float32, got int32');
    expect(() => scaleShift(f32(3), f32(2), f32(1))).toThrow('scale_shift: scale: expected [rows, 1], got [rows, 2]');
    expect(() => columns(f32(3), 2, 4)).toThrow('columns: to: expected at most 3, got 4');
    expect(() => columns(f32(3), 2, 1)).toThrow('columns: to: expected an integer >= 2, got 1');
    expect(() => gatherRows(weight('matrix', 2, 2), i32())).toThrow('gather_rows: x: expected float32 or float64');
    expect(() => fillIds(i32(), i32(), 0.5)).toThrow('fill_ids: value: expected an integer');
    expect(() => writeColumn(i32(2), f32(1), i32())).toThrow('write_column: values: expected int32, got float32');
  });
});

describe('operators on series', () => {
  it('know what they make', () => {
    const values = input('float64', 1);
    const patches = instanceNormPatch(values, i32(), { contextLength: 64, patchLength: 8, patchStride: 4 });
    expect(patches.patches).toMatchObject({ dtype: 'float32', columns: 16 });
    expect(patches.counts).toMatchObject({ dtype: 'int32', columns: 1 });
    const options = { contextLength: 64, numTokens: 10, numSpecialTokens: 2 };
    const tokens = meanScaleTokenize(values, i32(), weight('vector', 8, 1), options);
    expect(tokens.ids.dtype).toBe('int32');
    expect(lastNode().attributes).toEqual({ ...options, eosTokenId: -1 });
    expect(seriesKeys(values, i32()).columns).toBe(2);
    expect(interpolateQuantiles(f32(), weight('vector', 3, 1), f32(1), { horizon: 4 }).columns).toBe(3);
    expect(sampleQuantiles(f32(), input('float64', 1), i32()).columns).toBeUndefined();
  });

  it('fill in sampling options', () => {
    samplingDistribution(f32(10));
    expect(lastNode().attributes).toEqual({ temperature: 1, topK: 0, topP: 1, forbidden: [] });
    const inputs = { logits: f32(10), keys: i32(2), seed: i32(), step: i32(), numSamples: i32() };
    expect(sampleTokens(inputs, { topK: 3 })).toMatchObject({ dtype: 'int32', columns: 1 });
    expect(() => sampleTokens({ ...inputs, keys: i32(1) })).toThrow('sample_tokens: keys: expected 2 columns, got 1');
  });

  it('refuse options out of range', () => {
    const options = { contextLength: 64, patchLength: 8, patchStride: 4 };
    const values = f32(1);
    expect(() => instanceNormPatch(values, i32(), { ...options, patchStride: 0 })).toThrow('patchStride');
    expect(() => instanceNormPatch(i32(), i32(), options)).toThrow('values: expected float64 or float32, got int32');
    expect(() => samplingDistribution(f32(), { temperature: 0 })).toThrow('temperature');
    expect(() => samplingDistribution(f32(), { topP: 1.1 })).toThrow('topP: expected a number in (0, 1], got 1.1');
    expect(() => samplingDistribution(f32(), { topK: -1 })).toThrow('topK');
    expect(() => samplingDistribution(f32(), { forbidden: [1.5] })).toThrow('forbidden');
  });
});
