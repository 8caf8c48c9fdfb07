import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { expectDType, expectInteger, expectMatrix, expectNumber, expectVector } from './record.js';

/** How a distribution is made from logits, in this order. */
export interface SamplingOptions {
  /** Ids that are never drawn. */
  readonly forbidden?: readonly number[];
  /** Logits are divided by it; > 0. */
  readonly temperature?: number;
  /** Keep the k largest logits, and those equal to the smallest of them; 0 keeps all. */
  readonly topK?: number;
  /** Keep the smallest set of most probable ids whose probabilities reach it together, at least one; 1 keeps all. */
  readonly topP?: number;
}

/**
 * A number for every series that depends on its values alone: what random streams are keyed by, so that a series'
 * samples do not depend on its place in a batch. All NaN count as equal, and so do 0 and -0.
 *
 * values float64 or float32 [n], offsets int32 [batch + 1] → int32 [batch, 2], a 64-bit hash
 */
export function seriesKeys(values: SymbolicTensor, offsets: SymbolicTensor): SymbolicTensor {
  expectMatrix('series_keys', 'values', values, 1, 'float64', 'float32');
  expectVector('series_keys', 'offsets', offsets, 'int32');
  const [keys] = values.builder.apply('series_keys', [values, offsets], {}, [{ dtype: 'int32', columns: 2 }]);
  return keys!;
}

export interface SampleInputs {
  /** float32 [batch · numSamples, vocabulary]: the samples of a series one after the other. */
  readonly logits: SymbolicTensor;
  /** int32 [batch, 2] from `seriesKeys`. */
  readonly keys: SymbolicTensor;
  /** int32 [2] */
  readonly seed: SymbolicTensor;
  /** int32 [1]: which token of a sequence is drawn. */
  readonly step: SymbolicTensor;
  /** int32 [1] */
  readonly numSamples: SymbolicTensor;
}

/**
 * Draws one id from every row's distribution (see `samplingDistribution`) with a counter-based generator
 * (Philox4x32-10, Salmon et al. 2011) keyed by seed and series, at counter (sample, step): int32 [rows].
 */
export function sampleTokens(inputs: SampleInputs, options: SamplingOptions = {}): SymbolicTensor {
  const { logits, keys, seed, step, numSamples } = inputs;
  const op = 'sample_tokens';
  const attributes = samplingAttributes(op, logits, options);
  expectMatrix(op, 'keys', keys, 2, 'int32');
  expectVector(op, 'seed', seed, 'int32');
  expectVector(op, 'step', step, 'int32');
  expectVector(op, 'numSamples', numSamples, 'int32');
  const outputs = [{ dtype: 'int32', columns: 1 }] as const;
  const [ids] = logits.builder.apply(op, [logits, keys, seed, step, numSamples], attributes, outputs);
  return ids!;
}

/** The probabilities `sampleTokens` draws from: float32 [rows, vocabulary], zero where filtered out. */
export function samplingDistribution(logits: SymbolicTensor, options: SamplingOptions = {}): SymbolicTensor {
  const op = 'sampling_distribution';
  const attributes = samplingAttributes(op, logits, options);
  const outputs = [{ dtype: 'float32', columns: logits.columns }] as const;
  const [probabilities] = logits.builder.apply(op, [logits], attributes, outputs);
  return probabilities!;
}

function samplingAttributes(
  op: string,
  logits: SymbolicTensor,
  options: SamplingOptions,
): { temperature: number; topK: number; topP: number; forbidden: readonly number[] } {
  const { temperature = 1, topK = 0, topP = 1, forbidden = [] } = options;
  expectDType(op, 'logits', logits, 'float32');
  expectNumber(op, 'temperature', temperature, Number.MIN_VALUE);
  expectInteger(op, 'topK', topK, 0);
  if (!(topP > 0 && topP <= 1)) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: topP: expected a number in (0, 1], got ${topP}`);
  }
  for (const id of forbidden) expectInteger(op, 'forbidden', id, 0);
  return { temperature, topK, topP, forbidden };
}
