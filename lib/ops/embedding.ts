import type { SymbolicTensor } from '../backend/program.js';
import { expectVector, expectWeight } from './record.js';

/**
 * y[i] = table[ids[i]]
 *
 * ids int32 [rows], table a weight of kind 'table' [count, columns] → float32 [rows, columns]. An id outside the
 * table fails the run with ERR_INVALID_ARGUMENT.
 */
export function embedding(ids: SymbolicTensor, table: SymbolicTensor): SymbolicTensor {
  expectVector('embedding', 'ids', ids, 'int32');
  const [, columns] = expectWeight('embedding', 'table', table, 'table');
  const [y] = ids.builder.apply('embedding', [ids, table], {}, [{ dtype: 'float32', columns }]);
  return y!;
}
