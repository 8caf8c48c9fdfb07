import { appendRow, columns, gatherRows, padRows, repeatRows } from '../../lib/ops/rows.js';
import { int32, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { ParityCase } from './case.js';
import { offsetsOf, Random, total } from './random.js';

const random = new Random(77);
const wide = random.matrix(37, 70);
const types: TensorData[] = [
  random.matrix(6, 3),
  matrix(
    Float64Array.from({ length: 18 }, () => random.normal()),
    3,
  ),
  matrix(
    Int32Array.from({ length: 18 }, () => random.below(1000) - 500),
    3,
  ),
  matrix(
    Uint8Array.from({ length: 18 }, () => random.below(256)),
    3,
  ),
];
const each = { x: { per: 1 }, y: { per: 1 } };

function columnsCase(x: TensorData, from: number, to: number): ParityCase {
  return {
    name: `columns ${from} to ${to} of ${x.dtype} [${x.rows}, ${x.cols}]`,
    runs: [{ x }],
    record: ({ x }) => ({ y: columns(x!, from, to) }),
    roles: each,
  };
}

function gatherCase(x: TensorData, indices: number[]): ParityCase {
  return {
    name: `gather_rows of ${indices.length} rows of ${x.dtype} [${x.rows}, ${x.cols}]`,
    runs: [{ x, indices: int32(...indices) }],
    record: ({ x, indices }) => ({ y: gatherRows(x!, indices!) }),
    roles: { indices: { per: 1 }, y: { per: 1 } },
  };
}

function repeatCase(x: TensorData, count: number): ParityCase {
  return {
    name: `repeat_rows ${count} times of ${x.dtype} [${x.rows}, ${x.cols}]`,
    runs: [{ x, count: int32(count) }],
    record: ({ x, count }) => ({ y: repeatRows(x!, count!) }),
    roles: { x: { per: 1 }, y: { per: count } },
  };
}

const RAGGED = {
  x: { rowsOf: 'offsets' },
  offsets: { offsets: true },
  positions: { rowsOf: 'offsets' },
  counts: { per: 1 },
} as const;

function raggedInputs(lengths: readonly number[], cols: number) {
  // Descending positions with a gap: an order no operator may rely on.
  const positions = lengths.flatMap((n) => Array.from({ length: n }, (_, i) => 2 * (n - 1 - i)));
  return { x: random.matrix(total(lengths), cols), offsets: offsetsOf(lengths), positions: int32(...positions) };
}

function appendCase(lengths: readonly number[], cols: number): ParityCase {
  return {
    name: `append_row to series of ${lengths} rows of ${cols}`,
    runs: [
      { ...raggedInputs(lengths, cols), counts: int32(...lengths.map((n) => 3 * n)), row: random.matrix(1, cols) },
    ],
    record: ({ x, offsets, positions, counts, row }) => {
      const result = appendRow({ x: x!, offsets: offsets!, positions: positions! }, counts!, row!);
      return { y: result.x, newOffsets: result.offsets, newPositions: result.positions };
    },
    roles: {
      ...RAGGED,
      y: { rowsOf: 'newOffsets' },
      newOffsets: { offsets: true },
      newPositions: { rowsOf: 'newOffsets' },
    },
  };
}

function padCase(lengths: readonly number[], cols: number, length: number): ParityCase {
  return {
    name: `pad_rows of series of ${lengths} rows of ${cols} to ${length}`,
    runs: [{ ...raggedInputs(lengths, cols), length: int32(length) }],
    record: ({ x, offsets, positions, length }) => {
      const { padded, mask } = padRows({ x: x!, offsets: offsets!, positions: positions! }, length!);
      return { y: padded, mask };
    },
    roles: { ...RAGGED, y: { per: length }, mask: { per: length } },
  };
}

/** A row of its own for every series. */
function appendOwnCase(lengths: readonly number[], cols: number): ParityCase {
  const common = appendCase(lengths, cols);
  return {
    ...common,
    name: `append_row of its own to series of ${lengths} rows of ${cols}`,
    runs: [{ ...common.runs[0], row: random.matrix(lengths.length, cols) }],
    roles: { ...common.roles, row: { per: 1 } },
  };
}

const gather = gatherCase(wide, [0]);
const repeat = repeatCase(wide, 1);
const pad = padCase([2, 1], 3, 3);

export const cases: ParityCase[] = [
  columnsCase(wide, 0, 70),
  columnsCase(wide, 13, 47),
  columnsCase(wide, 69, 70),
  columnsCase(wide, 5, 5),
  ...types.map((x) => columnsCase(x, 1, 3)),
  { ...columnsCase(wide, 69, 71), fails: 'ERR_INVALID_SHAPE' },
  gatherCase(wide, [36, 0, 0, 5]),
  gatherCase(wide, []),
  ...types.map((x) => gatherCase(x, [5, 4, 0, 0, 1])),
  {
    ...gather,
    name: 'gather_rows beyond the last',
    runs: [{ x: wide, indices: int32(37) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    ...gather,
    name: 'gather_rows before the first',
    runs: [{ x: wide, indices: int32(-1) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
  repeatCase(wide, 1),
  repeatCase(wide, 20),
  repeatCase(wide, 0),
  ...types.map((x) => repeatCase(x, 3)),
  { ...repeat, name: 'repeat_rows -1 times', runs: [{ x: wide, count: int32(-1) }], fails: 'ERR_INVALID_ARGUMENT' },
  { ...repeat, name: 'repeat_rows two counts', runs: [{ x: wide, count: int32(1, 2) }], fails: 'ERR_INVALID_SHAPE' },
  appendCase([3, 0, 5], 7),
  appendCase([1], 1),
  appendCase([0, 0], 4),
  appendCase([], 4),
  appendCase([40, 70, 2], 64),
  appendOwnCase([3, 0, 5], 7),
  {
    ...appendOwnCase([1, 2, 4], 3),
    runs: appendOwnCase([1, 2], 3).runs.map((run) => ({ ...run, row: random.matrix(3, 3) })),
    fails: 'ERR_INVALID_SHAPE',
  },
  padCase([3, 0, 5], 7, 10),
  padCase([1], 1, 1),
  padCase([0, 0], 4, 0),
  padCase([40, 70, 2], 64, 140),
  {
    ...pad,
    name: 'pad_rows beyond the length',
    runs: [{ ...pad.runs[0], length: int32(2) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
];
