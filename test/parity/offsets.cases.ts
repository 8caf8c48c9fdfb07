import { fillIds, uniformOffsets, writeColumn, zeros } from '../../lib/ops/offsets.js';
import { int32, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { ParityCase } from './case.js';
import { offsetsOf, Random } from './random.js';

function offsetsCase(lengths: readonly number[], count: number): ParityCase {
  return {
    name: `uniform_offsets of ${lengths.length} series, ${count} each`,
    runs: [{ offsets: offsetsOf(lengths), count: int32(count) }],
    record: ({ offsets, count }) => ({ y: uniformOffsets(offsets!, count!) }),
    roles: { offsets: { offsets: true }, y: { offsets: true } },
  };
}

function fillCase(lengths: readonly number[], count: number, value: number): ParityCase {
  return {
    name: `fill_ids ${value} of ${lengths.length} series, ${count} each`,
    runs: [{ offsets: offsetsOf(lengths), count: int32(count) }],
    record: ({ offsets, count }) => ({ y: fillIds(offsets!, count!, value) }),
    roles: { offsets: { offsets: true }, y: { per: count } },
  };
}

function zerosCase(lengths: readonly number[], count: number, columns: number, dtype: 'float32' | 'int32'): ParityCase {
  return {
    name: `zeros in ${dtype} of ${lengths.length} series, [${count}, ${columns}] each`,
    runs: [{ offsets: offsetsOf(lengths), count: int32(count), columns: int32(columns) }],
    record: ({ offsets, count, columns }) => ({ y: zeros(offsets!, count!, columns!, dtype) }),
    roles: { offsets: { offsets: true }, y: { per: count } },
  };
}

function writeCase(target: TensorData, values: TensorData, index: number): ParityCase {
  return {
    name: `write_column ${index} of ${target.dtype} [${target.rows}, ${target.cols}]`,
    runs: [{ target, values, index: int32(index) }],
    // The target is an output too: it must not be written when somebody else needs it.
    record: ({ target, values, index }) => ({ y: writeColumn(target!, values!, index!), target: target! }),
    roles: { target: { per: 1 }, values: { per: 1 }, y: { per: 1 } },
  };
}

const random = new Random(5);
const floats = random.matrix(9, 4);
const ids = matrix(
  Int32Array.from({ length: 12 }, () => random.below(100)),
  3,
);

export const cases: ParityCase[] = [
  offsetsCase([3, 0, 2], 5),
  offsetsCase([], 5),
  offsetsCase([1], 0),
  {
    ...offsetsCase([1], 1),
    name: 'uniform_offsets of -1',
    runs: [{ offsets: int32(0, 1), count: int32(-1) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    ...offsetsCase([1], 1),
    name: 'uniform_offsets of no offsets',
    runs: [{ offsets: int32(), count: int32(1) }],
    fails: 'ERR_INVALID_SHAPE',
  },
  fillCase([3, 0, 2], 4, -(2 ** 31)),
  fillCase([3], 1, 2 ** 31 - 1),
  fillCase([], 3, 7),
  zerosCase([1, 1], 3, 5, 'float32'),
  zerosCase([1, 1], 3, 5, 'int32'),
  zerosCase([1, 1], 0, 5, 'int32'),
  zerosCase([4], 2, 0, 'float32'),
  writeCase(floats, random.vector(9), 0),
  writeCase(floats, random.vector(9), 3),
  writeCase(ids, int32(1, 2, 3, 4), 1),
  writeCase(matrix(new Float32Array(0), 4), random.vector(0), 1),
  { ...writeCase(floats, random.vector(9), 4), fails: 'ERR_INVALID_ARGUMENT' },
  { ...writeCase(floats, random.vector(8), 1), name: 'write_column of too few values', fails: 'ERR_INVALID_SHAPE' },
];
