import type { SymbolicTensor } from '../backend/program.js';
import type { Activation } from './linear.js';
import { expectDType, expectMatrix, expectVector } from './record.js';

/** a + b, both float32 [rows, columns]. */
export function add(a: SymbolicTensor, b: SymbolicTensor): SymbolicTensor {
  return combine('add', a, b);
}

/** a · b element by element, both float32 [rows, columns]. */
export function multiply(a: SymbolicTensor, b: SymbolicTensor): SymbolicTensor {
  return combine('multiply', a, b);
}

function combine(op: string, a: SymbolicTensor, b: SymbolicTensor): SymbolicTensor {
  expectDType(op, 'a', a, 'float32');
  expectMatrix(op, 'b', b, a.columns, 'float32');
  const [y] = a.builder.apply(op, [a, b], {}, [{ dtype: 'float32', columns: a.columns ?? b.columns }]);
  return y!;
}

/** kind(x) element by element, float32 [rows, columns]. */
export function activation(x: SymbolicTensor, kind: Activation): SymbolicTensor {
  expectDType('activation', 'x', x, 'float32');
  const [y] = x.builder.apply('activation', [x], { kind }, [{ dtype: 'float32', columns: x.columns }]);
  return y!;
}

/** x[i, j] · scale[i] + shift[i]: x float32 [rows, columns], scale and shift float32 [rows]. */
export function scaleShift(x: SymbolicTensor, scale: SymbolicTensor, shift: SymbolicTensor): SymbolicTensor {
  expectDType('scale_shift', 'x', x, 'float32');
  expectVector('scale_shift', 'scale', scale, 'float32');
  expectVector('scale_shift', 'shift', shift, 'float32');
  const [y] = x.builder.apply('scale_shift', [x, scale, shift], {}, [{ dtype: 'float32', columns: x.columns }]);
  return y!;
}

/** x[i, j] · scale[j] + shift[j]: x float32 [rows, columns], scale and shift float32 [columns]. */
export function scaleShiftColumns(x: SymbolicTensor, scale: SymbolicTensor, shift: SymbolicTensor): SymbolicTensor {
  const op = 'scale_shift_columns';
  expectDType(op, 'x', x, 'float32');
  expectVector(op, 'scale', scale, 'float32', x.columns);
  expectVector(op, 'shift', shift, 'float32', x.columns);
  const [y] = x.builder.apply(op, [x, scale, shift], {}, [{ dtype: 'float32', columns: x.columns }]);
  return y!;
}

/** exp(x[i, j]) / Σⱼ exp(x[i, j]) over the columns of every row, float32 [rows, columns]. */
export function softmax(x: SymbolicTensor): SymbolicTensor {
  expectDType('softmax', 'x', x, 'float32');
  const [y] = x.builder.apply('softmax', [x], {}, [{ dtype: 'float32', columns: x.columns }]);
  return y!;
}
