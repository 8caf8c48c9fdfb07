import { describe, expect, it } from 'vitest';
import { erfc } from '../../../../lib/backend/reference/special.js';
import { call, column, f32, rowsOf } from './call.js';

describe('elementwise operators', () => {
  it('adds and multiplies', () => {
    const a = f32([1, 2], [3, 4]);
    const b = f32([10, 20], [30, -40]);
    expect(rowsOf(call('add', [a, b])[0])).toEqual([
      [11, 22],
      [33, -36],
    ]);
    expect(rowsOf(call('multiply', [a, b])[0])).toEqual([
      [10, 40],
      [90, -160],
    ]);
    expect(() => call('add', [a, f32([1, 2])])).toThrow('add: b: expected [2, 2], got [1, 2]');
  });

  it('scales and shifts rows', () => {
    const y = call('scale_shift', [f32([1, 2], [3, 4]), column(2, 10), column(0.5, -1)]);
    expect(rowsOf(y[0])).toEqual([
      [2.5, 4.5],
      [29, 39],
    ]);
  });

  it('makes a softmax of every row, however large the numbers', () => {
    const [y] = call('softmax', [f32([0, Math.log(3)], [1000, 1000])]);
    expect(rowsOf(y)[0]![0]).toBeCloseTo(0.25, 7);
    expect(rowsOf(y)[0]![1]).toBeCloseTo(0.75, 7);
    expect(rowsOf(y)[1]).toEqual([0.5, 0.5]);
  });
});

describe('activations', () => {
  const act = (kind: string, x: number) => call('activation', [f32([x])], { kind })[0]!.data[0]!;

  it('has relu, which keeps NaN', () => {
    expect([-1, 0, 2].map((x) => act('relu', x))).toEqual([0, 0, 2]);
    expect(act('relu', NaN)).toBeNaN();
    expect(act('none', -7)).toBe(-7);
  });

  // Tabulated: Φ(1) = 0.8413447461, Φ(-3) = 0.0013498980.
  it('has gelu', () => {
    expect(act('gelu', 1)).toBeCloseTo(0.8413447461, 7);
    expect(act('gelu', -3)).toBeCloseTo(-3 * 0.001349898, 8);
    expect(act('gelu', 0)).toBe(0);
  });

  it('has the tanh form of gelu', () => {
    const z = Math.sqrt(2 / Math.PI) * (1.5 + 0.044715 * 1.5 ** 3);
    expect(act('gelu_tanh', 1.5)).toBeCloseTo(0.75 * (1 + Math.tanh(z)), 7);
    expect(act('gelu_tanh', -1.5)).toBeCloseTo(-0.75 * (1 - Math.tanh(z)), 7);
  });

  it('has silu', () => {
    expect(act('silu', 2)).toBeCloseTo(2 / (1 + Math.exp(-2)), 6);
  });

  it('refuses other names', () => {
    expect(() => act('swish', 1)).toThrow('activation: attribute kind: expected one of none, relu');
  });
});

describe('erfc', () => {
  // Abramowitz and Stegun, table 7.1, and erfc(x) of larger x to 11 digits.
  it.each([
    [0, 1],
    [0.5, 1 - 0.5204998778],
    [1, 1 - 0.8427007929],
    [2, 0.00467773498105],
    [3, 2.20904969986e-5],
    [5, 1.53745979443e-12],
    [-1, 1.8427007929],
  ])('erfc(%d) = %d', (x, expected) => {
    expect(Math.abs(erfc(x) / expected - 1)).toBeLessThan(3e-8);
  });

  it('joins its two halves without a step', () => {
    const slope = (-2 / Math.sqrt(Math.PI)) * Math.exp(-4);
    // Below 2 erfc is 1 - erf: a few roundings of numbers near 1.
    expect(Math.abs(erfc(2) - erfc(2 - 1e-9) - slope * 1e-9)).toBeLessThan(4 * 2 ** -53);
  });

  it('handles the ends', () => {
    expect(erfc(Infinity)).toBe(0);
    expect(erfc(-Infinity)).toBe(2);
    expect(erfc(NaN)).toBeNaN();
  });
});
