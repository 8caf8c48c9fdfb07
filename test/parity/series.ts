import { ARRAY_TYPES, matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { Tensors } from './case.js';

/**
 * How the rows of a tensor belong to the series of a batch: a fixed number for every series, as the offsets of that name
 * say, or the tensor is offsets itself.
 */
export type Role = { readonly per: number } | { readonly rowsOf: string } | { readonly offsets: true };
type Roles = Readonly<Record<string, Role>>;

/** The number of series. `tensors` are all inputs, or all inputs and outputs. */
export function seriesCount(tensors: Tensors, roles: Roles): number {
  for (const [name, role] of Object.entries(roles)) {
    const tensor = tensors[name];
    if (!tensor) continue;
    if ('offsets' in role) return tensor.rows - 1;
    if ('per' in role && role.per > 0) return tensor.rows / role.per;
  }
  throw new Error('no tensor tells the number of series');
}

/** The same tensors of a batch that is made of the series `picks`, in that order. Only tensors of `names`. */
export function selectSeries(
  tensors: Tensors,
  roles: Roles,
  picks: readonly number[],
  names: readonly string[],
): Tensors {
  return Object.fromEntries(names.map((name) => [name, selectTensor(name, tensors, roles, picks)]));
}

function selectTensor(name: string, tensors: Tensors, roles: Roles, picks: readonly number[]): TensorData {
  const tensor = tensors[name]!;
  const role = roles[name];
  if (!role) return tensor;
  if ('offsets' in role) {
    const offsets = [0];
    for (const b of picks) offsets.push(offsets.at(-1)! + tensor.data[b + 1]! - tensor.data[b]!);
    return matrix(Int32Array.from(offsets));
  }
  const ranges = picks.map((b) => {
    if ('per' in role) return [b * role.per, (b + 1) * role.per] as const;
    const { data } = tensors[role.rowsOf]!;
    return [data[b]!, data[b + 1]!] as const;
  });
  return joinRows(tensor, ranges);
}

function joinRows({ dtype, cols, data }: TensorData, ranges: (readonly [number, number])[]): TensorData {
  const numbers = ranges.flatMap(([from, to]) => Array.from(data.subarray(from * cols, to * cols)));
  const rows = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  return { dtype, rows, cols, data: ARRAY_TYPES[dtype].from(numbers) };
}
