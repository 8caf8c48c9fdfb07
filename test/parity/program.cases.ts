import { cachedAttention } from '../../lib/ops/cached-attention.js';
import { activation, add, multiply } from '../../lib/ops/elementwise.js';
import { writeColumn } from '../../lib/ops/offsets.js';
import { gatherRows, repeatRows } from '../../lib/ops/rows.js';
import { int32, matrix } from '../../lib/tensor/tensor.js';
import type { Bound, ParityCase } from './case.js';
import { Random } from './random.js';
import { forEachElement, U } from './tolerance.js';

/*
 * Whole programs: loops, values used in several places, and operators that overwrite an input which somebody still needs.
 * Only exact operators, so that results are equal.
 */

const random = new Random(41);
// Small whole numbers: sums and products are exact.
const whole = (rows: number, cols: number) =>
  matrix(
    Float32Array.from({ length: rows * cols }, () => random.below(9) - 4),
    cols,
    rows,
  );
const each = { x: { per: 1 }, y: { per: 1 } };

/** A loop that writes column after column of a matrix which is also an output, and counts with its index. */
function writing(turns: number): ParityCase {
  return {
    name: `a loop of ${turns} turns that writes columns`,
    runs: [{ count: int32(turns), target: whole(5, 4), values: whole(5, 1) }],
    record: ({ count, target, values }) => {
      const { builder } = count!;
      const [written, last] = builder.repeat(count!, [target!, values!], (index, [all, one]) => {
        const next = add(one, values!);
        return [writeColumn(all, next, index), next];
      });
      return { y: written, last, target: target!, values: values! };
    },
    roles: { target: { per: 1 }, values: { per: 1 }, y: { per: 1 }, last: { per: 1 } },
  };
}

const swapping: ParityCase = {
  name: 'a loop whose carries change places',
  runs: [{ count: int32(3), x: whole(2, 3), z: whole(2, 3) }],
  record: ({ count, x, z }) => {
    const [a, b] = count!.builder.repeat(count!, [x!, z!], (_, [left, right]) => [right, left]);
    return { y: a, w: b, x: x! };
  },
  roles: { x: { per: 1 }, z: { per: 1 }, y: { per: 1 }, w: { per: 1 } },
};

const sharing: ParityCase = {
  name: 'a loop that carries one value twice and returns one from outside',
  runs: [{ count: int32(2), x: whole(3, 2) }],
  record: ({ count, x }) => {
    const doubled = add(x!, x!);
    const [a, b] = count!.builder.repeat(count!, [x!, x!], (_, [first]) => [multiply(first, doubled), doubled]);
    return { y: add(a, b), a, doubled };
  },
  roles: { ...each, a: { per: 1 }, doubled: { per: 1 } },
};

const growing: ParityCase = {
  name: 'a loop in a loop whose value grows',
  runs: [{ count: int32(3), two: int32(2), x: whole(2, 3) }],
  record: ({ count, two, x }) => {
    const { builder } = count!;
    const [y] = builder.repeat(count!, [x!], (outer, [carried]) => {
      const longer = repeatRows(carried, two!);
      // As many turns as the outer index says: none, one, two.
      const [inner] = builder.repeat(outer, [longer], (_, [value]) => [add(value, longer)]);
      return [inner];
    });
    return { y };
  },
  roles: { x: { per: 1 }, y: { per: 8 } },
};

const branching: ParityCase = {
  name: 'values that many operators overwrite',
  runs: [{ x: whole(70, 40) }],
  record: ({ x }) => {
    const a = add(x!, x!);
    const b = activation(a, 'relu');
    const c = multiply(a, b);
    const d = add(c, a);
    const e = activation(d, 'relu');
    return { y: add(e, e), b, d, again: d };
  },
  roles: { ...each, b: { per: 1 }, d: { per: 1 }, again: { per: 1 } },
};

const weights: ParityCase = {
  name: 'weights as first values and as outputs',
  weights: { w: { kind: 'vector', dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } },
  runs: [{ count: int32(2), x: whole(2, 2) }],
  record: ({ count, x, w }) => {
    const [sum] = count!.builder.repeat(count!, [x!], (_, [carried]) => [add(carried, w!)]);
    return { y: sum, w: w!, product: multiply(w!, x!) };
  },
};

/**
 * Every turn one addition and the mean of at most 4 values by attention (its bound with scores of 0); earlier errors are
 * not enlarged by means and relu. No value is above the sum of what was added: the inputs, and the first one again.
 */
const decodingBound: Bound = ({ inputs, expected }) => {
  const largest = 2 * [...inputs.x!.data].reduce((sum, x) => sum + Math.abs(x), 0);
  return forEachElement(expected, () => 4 * (1 + 4 + 32) * U * largest);
};

/** Decoding: a state that lives in the loop and from run to run, and an index that gathers. */
const decoding: ParityCase = {
  name: 'a loop with states',
  states: ['keyState', 'valueState'],
  runs: [4, 2].map((turns) => ({ count: int32(turns), capacity: int32(4), first: int32(0), x: whole(4, 1) })),
  record: ({ count, capacity, first, x, keyState, valueState }) => {
    const { builder } = count!;
    const [y] = builder.repeat(count!, [gatherRows(x!, first!)], (index, [carried]) => {
      const token = add(carried, gatherRows(x!, index));
      const state = { keyState: keyState!, valueState: valueState! };
      const mean = cachedAttention(
        { query: token, key: token, value: token, ...state, step: index, capacity: capacity! },
        { numHeads: 1, headDim: 1, scale: 0 },
      );
      return [activation(mean, 'relu')];
    });
    return { y };
  },
  bounds: { y: decodingBound },
};

const countless: ParityCase = {
  ...writing(1),
  name: 'a loop of -1 turns',
  runs: [{ ...writing(1).runs[0], count: int32(-1) }],
  fails: 'ERR_INVALID_ARGUMENT',
};

export const cases: ParityCase[] = [
  writing(4),
  writing(1),
  writing(0),
  swapping,
  sharing,
  growing,
  branching,
  weights,
  decoding,
  countless,
  {
    ...countless,
    name: 'a loop of two counts',
    runs: [{ ...countless.runs[0], count: int32(1, 2) }],
    fails: 'ERR_INVALID_SHAPE',
  },
];
