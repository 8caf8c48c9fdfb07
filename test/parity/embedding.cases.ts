import type { DenseWeightSpec } from '../../lib/backend/backend.js';
import { embedding } from '../../lib/ops/embedding.js';
import { float32ToBfloat16 } from '../../lib/tensor/half-floats.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { ParityCase } from './case.js';
import { Random } from './random.js';

function embeddingCase(count: number, columns: number, rows: number, dtype: 'float32' | 'bfloat16'): ParityCase {
  const random = new Random(count + columns + rows);
  const values = random.normals(count * columns);
  return {
    name: `embedding of ${rows} ids in ${dtype} [${count}, ${columns}]`,
    weights: { table: { kind: 'table', dtype, shape: [count, columns], data: values } },
    runs: [{ ids: matrix(Int32Array.from({ length: rows }, () => random.below(count))) }],
    record: ({ ids, table }) => ({ y: embedding(ids!, table!) }),
    roles: { ids: { per: 1 }, y: { per: 1 } },
  };
}

const bits = embeddingCase(5, 3, 4, 'bfloat16');
const outside = embeddingCase(5, 3, 4, 'float32');
const bitsTable = bits.weights!.table as DenseWeightSpec;

export const cases: ParityCase[] = [
  embeddingCase(1, 1, 1, 'float32'),
  embeddingCase(50, 33, 200, 'float32'),
  embeddingCase(50, 33, 70, 'bfloat16'),
  embeddingCase(3, 8, 0, 'float32'),
  {
    ...bits,
    name: 'embedding in bfloat16 bits',
    weights: {
      table: { ...bitsTable, data: float32ToBfloat16(bitsTable.data as Float32Array) },
    },
  },
  {
    ...outside,
    name: 'embedding of an id beyond the table',
    runs: [{ ids: matrix(Int32Array.of(1, 5)) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
  {
    ...outside,
    name: 'embedding of a negative id',
    runs: [{ ids: matrix(Int32Array.of(-1)) }],
    fails: 'ERR_INVALID_ARGUMENT',
  },
];
