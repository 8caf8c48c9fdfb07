import { describe, expect, it } from 'vitest';
import {
  attention,
  type FloatTensor,
  gelu,
  geluTanh,
  layerNorm,
  linear,
  relu,
  rmsNorm,
  silu,
  softmax,
  sparseLinear,
} from '../../../lib/ops/index.js';

const tensor = (shape: number[], ...data: number[]): FloatTensor => ({ data: Float32Array.from(data), shape });

describe.each(['js', 'native'] as const)('direct operators on %s', (backend) => {
  it('multiply over the last dimension', () => {
    const x = tensor([2, 1, 2], 1, 2, 3, 4);
    const weight = tensor([3, 2], 1, 0, 0, 1, 1, -1);
    const y = linear(x, weight, { backend, bias: tensor([3], 0, 10, 0), activation: 'relu' });
    expect(y).toEqual(tensor([2, 1, 3], 1, 12, 0, 3, 14, 0));
  });

  it('multiply by sparse binary matrices as by the same in full', () => {
    // [0.5, 0, -0.5; 0, 0.5, 0]
    const weight = { shape: [2, 3], mask: Uint8Array.of(0b010101), signs: Uint8Array.of(0b010), alpha: 0.5 } as const;
    const full = tensor([2, 3], 0.5, 0, -0.5, 0, 0.5, 0);
    const x = tensor([2, 1, 3], 1, 2, 4, -127, 6, 2);
    const bias = tensor([2], 0, 1);
    const expected = tensor([2, 1, 2], -1.5, 2, -64.5, 4);
    expect(linear(x, full, { backend, bias })).toEqual(expected);
    expect(sparseLinear(x, weight, { backend, bias })).toEqual(expected);
    // The scale of the second row is 1, that of the first 4 / 127.
    const rounded = sparseLinear(x, weight, { backend, bias, activations: 'int8', activation: 'relu' });
    expect([...rounded.data.subarray(2)]).toEqual([0, 4]);
    expect(Math.abs(rounded.data[1]! - 2)).toBeLessThanOrEqual((0.5 * 4) / 254 + 1e-6);
    expect(() => sparseLinear(x, { ...weight, alpha: 0 }, { backend })).toThrow('sparse_linear: weight: alpha');
    expect(() => sparseLinear(tensor([1, 2], 1, 2), weight, { backend })).toThrow('sparse_linear: x: expected');
    expect(() => sparseLinear(x, weight, { backend, activations: 'int16' as never })).toThrow('activations: expected');
  });

  it('keep shapes', () => {
    const x = tensor([2, 3], 0, 0, 0, 1, 2, 3);
    expect(softmax(x, { backend }).shape).toEqual([2, 3]);
    expect(relu(tensor([], -2), { backend })).toEqual(tensor([], 0));
    expect(relu(tensor([0, 4]), { backend })).toEqual(tensor([0, 4]));
  });

  it('normalise', () => {
    const y = rmsNorm(tensor([1, 4], 3, 4, 0, 0), tensor([4], 1, 1, 1, 1), { backend, epsilon: 0 });
    for (const [i, expected] of [1.2, 1.6, 0, 0].entries()) expect(y.data[i]).toBeCloseTo(expected, 6);
    const z = layerNorm(tensor([3], 1, 3, 5), tensor([3], 1, 1, 1), {
      backend,
      epsilon: 4 / 3,
      bias: tensor([3], 0, 0, 5),
    });
    for (const [i, expected] of [-1, 0, 6].entries()) expect(z.data[i]).toBeCloseTo(expected, 6);
  });

  it('activate', () => {
    const x = tensor([1], 1);
    expect(gelu(x, { backend }).data[0]).toBeCloseTo(0.8413447, 6);
    expect(geluTanh(x, { backend }).data[0]).toBeCloseTo(0.841192, 6);
    expect(silu(x, { backend }).data[0]).toBeCloseTo(0.7310586, 6);
  });

  it('attend in every series of a batch', () => {
    const query = tensor([2, 2, 2], 0, 0, 0, 0, 0, 0, 0, 0);
    const value = tensor([2, 2, 2], 1, 2, 3, 6, 10, 20, 30, 60);
    expect(attention(query, query, value, { backend, numHeads: 2 }).shape).toEqual([2, 2, 2]);
    const y = attention(query, query, value, { backend, numHeads: 1, causal: true });
    expect([...y.data]).toEqual([1, 2, 2, 4, 10, 20, 20, 40]);
  });

  it('refuse what cannot fit', () => {
    const x = tensor([2, 2], 1, 2, 3, 4);
    const bad = { data: new Float32Array(3), shape: [2, 2] };
    expect(() => softmax(bad, { backend })).toThrow('softmax: x: expected as many numbers as the shape says, got 3');
    expect(() => softmax({ data: new Float64Array(1), shape: [1] } as never, { backend })).toThrow('a Float32Array');
    expect(() => linear(x, tensor([3], 1, 2, 3), { backend })).toThrow(
      'linear: weight: expected 2 dimensions, got [3]',
    );
    expect(() => linear(x, tensor([1, 3], 1, 2, 3), { backend })).toThrow(/linear: x: expected /);
    expect(() => attention(x, x, x, { backend, numHeads: 1 })).toThrow('attention: query: expected 3 dimensions');
    const q = tensor([1, 1, 2], 1, 2);
    expect(() => attention(q, tensor([2, 1, 2], 1, 2, 3, 4), q, { backend, numHeads: 1 })).toThrow(
      'attention: key: expected shape [1, 1, 2], got [2, 1, 2]',
    );
    expect(() => attention(q, q, q, { backend, numHeads: 3 })).toThrow(
      'numHeads: expected a divisor of 2 channels, got 3',
    );
  });
});
