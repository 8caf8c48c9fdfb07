import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../lib/errors.js';
import { longConv, type Tensor } from '../../../lib/ops/index.js';

type Floats = Tensor<Float32Array>;
const tensor = (shape: number[], ...data: number[]): Floats => ({ data: Float32Array.from(data), shape });
const u = tensor([1, 2, 3], 1, 2, 3, 10, 20, 30);
const k = tensor([2, 3], 1, 2, 4, 1, 0, -1);

describe.each(['js', 'native'] as const)('longConv on %s', (backend) => {
  it('looks back over the whole sequence', () => {
    expect(longConv(u, k, { backend })).toEqual(tensor([1, 2, 3], 1, 4, 11, 10, 20, 20));
    expect(longConv(u, k, { D: tensor([2], 1, -1), backend })).toEqual(tensor([1, 2, 3], 2, 6, 14, 0, 0, -10));
  });

  it('takes filters of other lengths, channels last, gates, sequences of their own, and nothing', () => {
    const last = tensor([2, 2, 1], 1, 2, 3, 4);
    const filter = tensor([3, 1], 1, 1, 9);
    expect(longConv(last, filter, { layout: 'channelsLast', backend })).toEqual(tensor([2, 2, 1], 1, 3, 3, 7));
    const gates = { pre: tensor([1, 1, 2], 2, 3), post: tensor([1, 1, 2], 5, 7), D: tensor([1], 10) };
    expect(longConv(tensor([1, 1, 2], 1, 1), tensor([1, 1], 1), { ...gates, backend })).toEqual(
      tensor([1, 1, 2], 110, 231),
    );
    for (const shape of [
      [0, 2, 3],
      [2, 2, 0],
    ]) {
      expect(longConv(tensor(shape), k, { backend })).toEqual(tensor(shape));
    }
    expect(longConv(u, tensor([2, 0]), { backend })).toEqual(tensor([1, 2, 3], 0, 0, 0, 0, 0, 0));
  });

  it.each<[string, Parameters<typeof longConv>, ErrorCode, RegExp]>([
    ['a filter of other channels', [u, tensor([1, 3], 1, 2, 3)], 'ERR_INVALID_SHAPE', /longConv: k/],
    ['no filter', [u, undefined as never], 'ERR_INVALID_ARGUMENT', /longConv: k/],
    ['a sequence without batch', [tensor([2, 3], 1, 2, 3, 4, 5, 6), k], 'ERR_INVALID_SHAPE', /longConv: u/],
    ['no channels', [tensor([1, 0, 3]), tensor([0, 3])], 'ERR_INVALID_SHAPE', /at least one channel/],
    ['a skip of other channels', [u, k, { D: tensor([1], 1) }], 'ERR_INVALID_SHAPE', /longConv: D/],
    ['a gate of another shape', [u, k, { pre: tensor([1, 2, 2], 1, 2, 3, 4) }], 'ERR_INVALID_SHAPE', /longConv: pre/],
    ['another layout', [u, k, { layout: 'rows' as never }], 'ERR_INVALID_ARGUMENT', /layout/],
  ])('refuses %s', (_, [first, second, options], code, message) => {
    const run = () => longConv(first, second, { ...options, backend });
    expect(run).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});
