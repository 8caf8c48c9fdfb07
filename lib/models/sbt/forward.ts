import { TidemergeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type FloatTensor, floats } from '../../tensor/user-tensors.js';
import type { SbtModel } from './model.js';
import { separateWindows } from './windows.js';

export interface ForwardInputs {
  /**
   * float [batch, steps, variables]. Detection and forecasting: windows of windowLength steps; forecasting does not read
   * the newest one, which stands for what is to be forecast. Classification: samples of at most windowLength steps.
   */
  readonly x: FloatTensor;
  /** Classification: steps of every sample; what stands behind them is padding and never looked at. Default: all. */
  readonly lengths?: readonly number[] | Int32Array | undefined;
}

export interface ClassForward {
  readonly kind: 'classes';
  /** [batch, classes] */
  readonly logits: Tensor<Float32Array>;
  /** [batch, classes]: logits - log Σ exp(logits) */
  readonly logProbabilities: Tensor<Float32Array>;
}

export interface StepForward {
  readonly kind: 'step';
  /** [batch, outputs]: the newest step, reconstructed or forecast, in units of the data. */
  readonly newest: Tensor<Float32Array>;
  /** [batch], detection only: the mean over the variables of the squared difference to the newest step, standardised. */
  readonly error?: Tensor<Float32Array>;
}

export type ForwardResult = ClassForward | StepForward;

export async function forwardClasses(
  model: SbtModel,
  { x, lengths }: ForwardInputs,
  signal: AbortSignal | undefined,
): Promise<ClassForward> {
  const { windowLength, numVariables, outputSize } = model.config;
  const { data, shape } = floats('forward', 'x', x, [undefined, undefined, numVariables]);
  const [batch, steps] = shape as [number, number, number];
  const counts = sampleLengths(lengths, batch, steps, windowLength);
  const offsets = new Int32Array(batch + 1);
  for (const [b, count] of counts.entries()) offsets[b + 1] = offsets[b]! + count;
  const samples = new Float64Array(offsets[batch]! * numVariables);
  for (const [b, count] of counts.entries()) {
    const from = b * steps * numVariables;
    samples.set(data.subarray(from, from + count * numVariables), offsets[b]! * numVariables);
  }
  const logits = await model.logits(model.standardize(samples), offsets, signal);
  const classes = [batch, outputSize];
  const logProbabilities = logSoftmax(logits, outputSize);
  return {
    kind: 'classes',
    logits: { data: logits, shape: classes },
    logProbabilities: { data: logProbabilities, shape: classes },
  };
}

export async function forwardSteps(
  model: SbtModel,
  { x }: ForwardInputs,
  signal: AbortSignal | undefined,
): Promise<StepForward> {
  const { task, windowLength, numVariables, outputSize } = model.config;
  const { data, shape } = floats('forward', 'x', x, [undefined, windowLength, numVariables]);
  const batch = shape[0] as number;
  const samples = model.standardize(data);
  const windows = separateWindows(batch, windowLength);
  const detects = task === 'anomaly-detection';
  if (!detects) for (const row of windows.newest) samples.fill(0, row * numVariables, (row + 1) * numVariables);
  const newest = await model.newest(samples, windows, signal);
  const error = detects && {
    data: Float32Array.from(squaredErrors(newest, samples, windows.newest, numVariables)),
    shape: [batch],
  };
  return {
    kind: 'step',
    newest: { data: model.restore(newest), shape: [batch, outputSize] },
    ...(error && { error }),
  };
}

/** The mean over the variables of (reconstruction - sample)², window by window. */
export function squaredErrors(
  reconstructed: Float32Array,
  samples: Float32Array,
  rows: Int32Array,
  variables: number,
): Float64Array {
  const errors = new Float64Array(rows.length);
  for (const [b, row] of rows.entries()) {
    let sum = 0;
    for (let v = 0; v < variables; v++) {
      sum += (reconstructed[b * variables + v]! - samples[row * variables + v]!) ** 2;
    }
    errors[b] = sum / variables;
  }
  return errors;
}

/** Row by row, in double precision. */
export function logSoftmax(logits: Float32Array, classes: number): Float32Array<ArrayBuffer> {
  const scores = new Float32Array(logits.length);
  for (let from = 0; from < logits.length; from += classes) {
    const row = logits.subarray(from, from + classes);
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = row.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    for (const [c, value] of row.entries()) scores[from + c] = value - largest - Math.log(total);
  }
  return scores;
}

function sampleLengths(
  lengths: ForwardInputs['lengths'],
  batch: number,
  steps: number,
  windowLength: number,
): readonly number[] {
  const counts = lengths === undefined ? new Array<number>(batch).fill(steps) : [...lengths];
  const most = Math.min(steps, windowLength);
  const fits = (count: number) => Number.isInteger(count) && count >= 1 && count <= most;
  const wrong = counts.findIndex((count) => !fits(count));
  if (counts.length === batch && wrong < 0) return counts;
  const expected = `${batch} numbers of steps from 1 to ${most}`;
  const got = counts.length === batch ? `${counts[wrong]} for sample ${wrong}` : `${counts.length} numbers`;
  throw new TidemergeError('ERR_INVALID_SHAPE', `forward: lengths: expected ${expected}, got ${got}`);
}
