import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../lib/errors.js';
import { type CausalConv1dInputs, causalConv1d, type Tensor } from '../../../lib/ops/index.js';

type Floats = Tensor<Float32Array>;
const tensor = (shape: number[], ...data: number[]): Floats => ({ data: Float32Array.from(data), shape });
const x = tensor([1, 2, 3], 1, 2, 3, 10, 20, 30);
const weight = tensor([2, 2], 1, 2, -1, 1);

describe.each(['js', 'native'] as const)('causalConv1d on %s', (backend) => {
  it('looks back only, from its state on', () => {
    const { y, lastState } = causalConv1d({ x, weight, bias: tensor([2], 0, 1), backend });
    expect(y).toEqual(tensor([1, 2, 3], 2, 5, 8, 11, 11, 11));
    expect(lastState).toEqual(tensor([1, 2, 1], 3, 30));
    const next = causalConv1d({ x: tensor([1, 2, 1], 4, 40), weight, initialState: lastState, backend });
    expect(next.y).toEqual(tensor([1, 2, 1], 11, 10));
  });

  it('takes channels last, weights of checkpoints, one tap, and empty sequences', () => {
    const last = tensor([1, 3, 2], 1, 10, 2, 20, 3, 30);
    const published = { data: weight.data, shape: [2, 1, 2] };
    const { y } = causalConv1d({ x: last, weight: published, layout: 'channelsLast', backend });
    expect(y).toEqual(tensor([1, 3, 2], 2, 10, 5, 10, 8, 10));
    const single = causalConv1d({ x, weight: tensor([2, 1], 2, 3), backend });
    expect(single).toEqual({ y: tensor([1, 2, 3], 2, 4, 6, 30, 60, 90), lastState: tensor([1, 2, 0]) });
    const initialState = tensor([1, 2, 1], 7, 8);
    const none = causalConv1d({ x: tensor([1, 2, 0]), weight, initialState, backend });
    expect(none).toEqual({ y: tensor([1, 2, 0]), lastState: initialState });
  });

  it.each<[string, object, ErrorCode, RegExp]>([
    ['a weight for other channels', { weight: tensor([3, 2], 1, 2, 3, 4, 5, 6) }, 'ERR_INVALID_SHAPE', /weight/],
    ['a state of another width', { initialState: tensor([1, 2, 2], 1, 2, 3, 4) }, 'ERR_INVALID_SHAPE', /initialState/],
    ['a bias of another length', { bias: tensor([1], 1) }, 'ERR_INVALID_SHAPE', /bias/],
    ['another activation', { activation: 'gelu' }, 'ERR_INVALID_ARGUMENT', /activation: expected 'none' or 'silu'/],
    ['no weight', { weight: undefined }, 'ERR_INVALID_ARGUMENT', /weight/],
    ['no taps', { weight: tensor([2, 0]) }, 'ERR_INVALID_SHAPE', /at least one/],
  ])('refuses %s', (_, change, code, message) => {
    const run = () => causalConv1d({ x, weight, ...change, backend } as CausalConv1dInputs);
    expect(run).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});
