import { TidemergeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { type FloatTensor, floats, type IntegerTensor, integers } from '../../tensor/user-tensors.js';

export interface TokenizerConfig {
  /** Scaled values outside go to the outermost bins. */
  readonly lowLimit: number;
  readonly highLimit: number;
  /** Bins and special tokens together. */
  readonly numTokens: number;
  /** Ids below this are no bins. */
  readonly numSpecialTokens: number;
  readonly padTokenId: number;
  readonly eosTokenId: number;
  /** An end token behind every sequence. */
  readonly useEosToken: boolean;
  /** Longer series are cut to their last values. */
  readonly contextLength: number;
}

/** The section `chronos_config` of a published configuration, as far as it is about tokens. */
export interface PublishedTokenizerConfig {
  readonly tokenizer_kwargs: { readonly low_limit: number; readonly high_limit: number };
  readonly n_tokens: number;
  readonly n_special_tokens: number;
  readonly pad_token_id: number;
  readonly eos_token_id: number;
  readonly use_eos_token: boolean;
  readonly context_length: number;
}

export interface TokenizedContext {
  /** [batch, length] */
  readonly tokenIds: Tensor<Int32Array>;
  /** [batch, length]: 0 where a value is missing */
  readonly attentionMask: Tensor<Int32Array>;
  /** [batch]: mean absolute value of the observed values; 1 where that is 0 or nothing is observed */
  readonly scale: Tensor<Float32Array>;
}

/** Closes the outermost bins: no scaled value is beyond. */
const BEYOND = Math.fround(1e20);

/**
 * Chronos' tokenizer of the same name (Ansari et al. 2024, section 3.1), on dense [batch, time] tensors in which NaN is
 * missing: a series is divided by its mean absolute value and sorted into bins of equal width. Arithmetic is rounded to
 * float32 as the published one is. Inside the library the operators mean_scale_tokenize and tokens_to_values do the
 * same for ragged batches.
 */
export class MeanScaleUniformBins {
  readonly config: TokenizerConfig;
  /** The value a bin stands for, in units of the scale. */
  readonly centers: Float32Array;
  /** Borders of the bins: midpoints of the centers, closed at both ends. */
  readonly boundaries: Float32Array;

  /** Takes its own form of the configuration, or the published `chronos_config` as it is. */
  constructor(config: TokenizerConfig | PublishedTokenizerConfig) {
    this.config = 'n_tokens' in config ? fromPublished(config) : { ...config };
    const { lowLimit, highLimit, numTokens, numSpecialTokens } = this.config;
    const bins = numTokens - numSpecialTokens - 1;
    if (!(Number.isSafeInteger(bins) && bins >= 2 && highLimit > lowLimit)) {
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `MeanScaleUniformBins: expected at least two bins of positive width, got ${bins} from ${lowLimit} to ${highLimit}`,
      );
    }
    this.centers = linspace(lowLimit, highLimit, bins);
    this.boundaries = new Float32Array(bins + 1);
    this.boundaries[0] = -BEYOND;
    for (let i = 1; i < bins; i++) {
      this.boundaries[i] = Math.fround(at(this.centers, i) + at(this.centers, i - 1)) / 2;
    }
    this.boundaries[bins] = BEYOND;
  }

  /** context float [batch, time] */
  encode(context: FloatTensor): TokenizedContext {
    const { data, shape } = floats('encode', 'context', context, [undefined, undefined]);
    const [batch, time] = shape as [number, number];
    const length = Math.min(time, this.config.contextLength);
    const scale = new Float32Array(batch);
    const rows = Array.from({ length: batch }, (_, b) => data.subarray((b + 1) * time - length, (b + 1) * time));
    for (const [b, row] of rows.entries()) scale[b] = meanMagnitude(row);
    return { ...this.#tokenize(rows, length, scale), scale: { data: scale, shape: [batch] } };
  }

  /** The values that follow a context, label float [batch, horizon], with the context's scale [batch]. */
  encodeLabels(label: FloatTensor, scale: FloatTensor): Omit<TokenizedContext, 'scale'> {
    const { data, shape } = floats('encodeLabels', 'label', label, [undefined, undefined]);
    const [batch, horizon] = shape as [number, number];
    const { data: scales } = floats('encodeLabels', 'scale', scale, [batch]);
    const rows = Array.from({ length: batch }, (_, b) => data.subarray(b * horizon, (b + 1) * horizon));
    return this.#tokenize(rows, horizon, scales);
  }

  /** Token ids [batch, samples, horizon] and scale [batch] to values of the same shape. */
  decode(samples: IntegerTensor, scale: FloatTensor): Tensor<Float32Array> {
    const ids = integers('decode', 'samples', samples, [undefined, undefined, undefined]);
    const [batch, count, horizon] = ids.shape as [number, number, number];
    const { data: scales } = floats('decode', 'scale', scale, [batch]);
    const values = Float32Array.from(ids.data, (id, i) => {
      const bin = Math.min(Math.max(id - this.config.numSpecialTokens - 1, 0), this.centers.length - 1);
      return at(this.centers, bin) * Math.fround(at(scales, Math.floor(i / (count * horizon))));
    });
    return { data: values, shape: ids.shape };
  }

  #tokenize(
    rows: readonly FloatTensor['data'][],
    length: number,
    scale: FloatTensor['data'],
  ): Omit<TokenizedContext, 'scale'> {
    const { padTokenId, eosTokenId, useEosToken } = this.config;
    const width = length + (useEosToken ? 1 : 0);
    const ids = new Int32Array(rows.length * width).fill(useEosToken ? eosTokenId : padTokenId);
    const mask = new Int32Array(rows.length * width).fill(1);
    for (const [b, row] of rows.entries()) {
      const rowScale = Math.fround(at(scale, b));
      for (let t = 0; t < length; t++) {
        const x = Math.fround(at(row, t));
        const missing = Number.isNaN(x);
        ids[b * width + t] = missing ? padTokenId : this.#idOf(Math.fround(x / rowScale));
        if (missing) mask[b * width + t] = 0;
      }
    }
    const shape = [rows.length, width];
    return { tokenIds: { data: ids, shape }, attentionMask: { data: mask, shape } };
  }

  /** How many boundaries are not above x, behind the special tokens. */
  #idOf(x: number): number {
    let low = 0;
    let high = this.boundaries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at(this.boundaries, middle) > x) high = middle;
      else low = middle + 1;
    }
    return Math.min(low + this.config.numSpecialTokens, this.config.numTokens - 1);
  }
}

function fromPublished(config: PublishedTokenizerConfig): TokenizerConfig {
  return {
    lowLimit: config.tokenizer_kwargs.low_limit,
    highLimit: config.tokenizer_kwargs.high_limit,
    numTokens: config.n_tokens,
    numSpecialTokens: config.n_special_tokens,
    padTokenId: config.pad_token_id,
    eosTokenId: config.eos_token_id,
    useEosToken: config.use_eos_token,
    contextLength: config.context_length,
  };
}

/** torch.linspace in float32: from both ends towards the middle, with a step rounded once. */
function linspace(low: number, high: number, count: number): Float32Array {
  const step = Math.fround((Math.fround(high) - Math.fround(low)) / (count - 1));
  const half = count >> 1;
  return Float32Array.from({ length: count }, (_, i) => (i < half ? low + step * i : high - step * (count - 1 - i)));
}

function meanMagnitude(row: FloatTensor['data']): number {
  let sum = 0;
  let count = 0;
  for (const x of row) {
    if (Number.isNaN(x)) continue;
    sum += Math.abs(x);
    count++;
  }
  const mean = Math.fround(sum / count);
  return mean > 0 ? mean : 1;
}

/** An element that is known to be there. */
function at(data: Float32Array | Float64Array, i: number): number {
  return data[i] as number;
}
