import { TidemergeError } from '../errors.js';
import { show } from '../io/quote.js';
import { isDetached } from '../tensor/user-tensors.js';

/** Several variables over time, oldest step first: `data` is step by step, all variables of a step together. */
export interface MultivariateSeries {
  /** NaN or null is a missing value. */
  readonly data: Float32Array | Float64Array | readonly (number | null)[];
  readonly shape: readonly [length: number, variables: number];
}

export type MultivariateInputs = MultivariateSeries | readonly MultivariateSeries[];

/** A copy of one input, so that the caller may go on with his arrays. */
export interface StepRows {
  /** [length · variables] */
  readonly values: Float32Array | Float64Array;
  readonly length: number;
}

const LARGEST = 3.4028234663852886e38;

/** Whether a call was given one series and not a list. */
export function isOneSeries(inputs: MultivariateInputs): inputs is MultivariateSeries {
  return typeof inputs === 'object' && inputs !== null && !Array.isArray(inputs) && 'data' in inputs;
}

/**
 * Copies the inputs of a call. ERR_INVALID_ARGUMENT, ERR_INVALID_DTYPE, ERR_INVALID_SHAPE (also for another number of
 * variables than the model has), ERR_DETACHED_BUFFER; ERR_BAD_DATA for what is neither a number of float32 size nor
 * missing. Messages name the series, the step and the variable.
 */
export function copyMultivariate(inputs: MultivariateInputs, variables: number): StepRows[] {
  return listed(inputs).map(({ series, who }) => copyOne(series, who, variables));
}

/** The series of a call and what messages call them. */
export function listed(inputs: MultivariateInputs): { readonly series: unknown; readonly who: string }[] {
  if (isOneSeries(inputs)) return [{ series: inputs, who: 'inputs' }];
  if (!Array.isArray(inputs)) {
    const expected = '{ data, shape: [length, variables] } or an array of those';
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `inputs: expected ${expected}, got ${show(inputs)}`);
  }
  return inputs.map((series, i) => ({ series, who: `inputs[${i}]` }));
}

export function copyOne(series: unknown, who: string, variables: number): StepRows {
  const { data, shape } = (series ?? {}) as Partial<MultivariateSeries>;
  if (!data || !Array.isArray(shape)) {
    const expected = '{ data, shape: [length, variables] }';
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: expected ${expected}, got ${show(series)}`);
  }
  checkShape(who, shape, variables);
  const values = copyNumbers(who, data, variables);
  const length = shape[0] as number;
  if (values.length !== length * variables) {
    const expected = `${length * variables} numbers for shape [${shape}]`;
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: data: expected ${expected}, got ${values.length}`);
  }
  const infinite = values.findIndex((value) => Math.abs(value) > LARGEST);
  if (infinite >= 0) throw badValue(who, infinite, variables, 'a number of float32 size or NaN', values[infinite]);
  return { values, length };
}

function checkShape(who: string, shape: readonly unknown[], variables: number): void {
  const [length, given] = shape;
  if (shape.length === 2 && given === variables && Number.isSafeInteger(length) && (length as number) >= 0) return;
  const message = `${who}: expected shape [length, ${variables}], got [${shape.map((size) => show(size)).join(', ')}]`;
  throw new TidemergeError('ERR_INVALID_SHAPE', message);
}

function copyNumbers(who: string, data: MultivariateSeries['data'], variables: number): Float32Array | Float64Array {
  if (data instanceof Float32Array || data instanceof Float64Array) {
    if (data.length === 0 && isDetached(data)) {
      throw new TidemergeError('ERR_DETACHED_BUFFER', `${who}: data: its buffer was detached`);
    }
    return data.slice();
  }
  if (!Array.isArray(data)) {
    const expected = 'a Float32Array, a Float64Array or numbers';
    const got = ArrayBuffer.isView(data) ? (data as object).constructor.name : show(data);
    throw new TidemergeError('ERR_INVALID_DTYPE', `${who}: data: expected ${expected}, got ${got}`);
  }
  return Float64Array.from(data as readonly unknown[], (value, i) => {
    if (value === null) return NaN;
    if (typeof value === 'number') return value;
    throw badValue(who, i, variables, 'a number or null', value);
  });
}

/** For tasks that need every value. */
export function expectComplete({ values }: StepRows, who: string, variables: number, from = 0): void {
  const missing = values.findIndex((value, i) => i >= from * variables && Number.isNaN(value));
  if (missing >= 0) throw badValue(who, missing, variables, 'a number', NaN);
}

function badValue(who: string, at: number, variables: number, expected: string, got: unknown): TidemergeError {
  const place = `step ${Math.floor(at / variables)}, variable ${at % variables}`;
  return new TidemergeError('ERR_BAD_DATA', `${who}: ${place}: expected ${expected}, got ${show(got)}`);
}
