import { createReferenceBackend } from '../../backend/reference/index.js';
import { TidemergeError } from '../../errors.js';
import { matrix, type Tensor } from '../../tensor/tensor.js';
import type { FloatTensor } from '../../tensor/user-tensors.js';
import { floats } from '../../tensor/user-tensors.js';

export interface SamplingDistributionOptions {
  /** Logits are divided by it. Default 1. */
  readonly temperature?: number | undefined;
  /** Keep the k most probable ids, and those as probable as the last of them; 0 (default) keeps all. */
  readonly topK?: number | undefined;
  /** Keep the smallest set of most probable ids that reaches this probability; 1 (default) keeps all. */
  readonly topP?: number | undefined;
  /**
   * Ids that are never drawn. Default: [1], the end token of the published Chronos models, because their forecasts never
   * end early.
   */
  readonly forbidden?: readonly number[] | undefined;
}

/**
 * The probabilities a Chronos forecast draws its next token from: forbidden ids out, then temperature, top-k, softmax
 * and top-p, as Hugging Face `generate` applies them. logits float [..., vocabulary] → the same shape. Computed by the
 * reference in double precision; models draw with the operator sample_tokens.
 */
export function samplingDistribution(
  logits: FloatTensor,
  options: SamplingDistributionOptions = {},
): Tensor<Float32Array> {
  const { temperature = 1, topK = 0, topP = 1, forbidden = [1] } = options;
  const who = 'samplingDistribution';
  const { data, shape } = floats(who, 'logits', logits, Array.from(logits?.shape ?? [undefined]));
  const vocabulary = shape.at(-1);
  if (!vocabulary)
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `${who}: logits: expected at least one id, got [${shape.join(', ')}]`,
    );
  const backend = createReferenceBackend();
  try {
    const value = matrix(data instanceof Float32Array ? data : new Float32Array(data), vocabulary);
    const attributes = { temperature, topK, topP, forbidden: forbidden.filter((id) => id < vocabulary) };
    const [probabilities] = backend.call('sampling_distribution', [value], attributes);
    return { data: probabilities!.data as Float32Array, shape };
  } finally {
    backend.dispose();
  }
}
