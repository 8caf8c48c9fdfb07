import { TidemergeError } from '../errors.js';
import { matrix, type TensorData } from '../tensor/tensor.js';
import { type FloatTensor, floats } from '../tensor/user-tensors.js';
import { floatRows } from './direct-ragged.js';
import { transpose } from './transpose.js';

export interface ScanSizes {
  readonly batch: number;
  readonly length: number;
  readonly dInner: number;
  readonly dState: number;
  /** B and C are channels last. */
  readonly last: boolean;
}

/** B or C as rows of the operator: by channel, or by step with its groups one after the other. */
export function factorRows(
  who: string,
  name: string,
  tensor: FloatTensor,
  { batch, length, dInner, dState, last }: ScanSizes,
): { rows: TensorData; groups: number } {
  const rank = tensor?.shape?.length;
  if (rank === 2) {
    floats(who, name, tensor, [dInner, dState]);
    return { rows: floatRows(tensor, dInner, dState), groups: 0 };
  }
  const between = rank === 4 ? [undefined] : [];
  const shape = last ? [batch, length, ...between, dState] : [batch, ...between, dState, length];
  floats(who, name, tensor, shape);
  const groups = rank === 4 ? tensor.shape[last ? 2 : 1]! : 1;
  if (groups === 0 || dInner % groups !== 0) {
    const message = `${who}: ${name}: expected a number of groups that divides ${dInner} channels, got ${groups}`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  const width = groups * dState;
  if (last) return { rows: floatRows(tensor, batch * length, width), groups };
  return { rows: matrix(transpose(tensor.data, batch, width, length), width, batch * length), groups };
}
