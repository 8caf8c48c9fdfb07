import { TidemergeError } from '../errors.js';
import { matrix, type Tensor, type TensorData } from '../tensor/tensor.js';
import { type FloatTensor, floats, type IntegerTensor, integers } from '../tensor/user-tensors.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import { floatRows, uniform } from './direct-maps.js';
import { mergeAttributes, type Similarity } from './merge-tokens.js';

/*
 * Local token merging on tensors of the caller. A batch is rectangular here, [batch, tokens, channels]; models use the
 * recorded operators of merge-tokens.ts, whose batches are ragged.
 */

export interface MergeOptions extends DirectOptions {
  /** Tokens to remove from every series; at most half of them can go. Exactly one of r, ratio and threshold. */
  readonly r?: number | undefined;
  /** r = floor(ratio · tokens), 0 to 1. */
  readonly ratio?: number | undefined;
  /** Merge where the similarity is greater than this. */
  readonly threshold?: number | undefined;
  /** Neighbourhood in pairs, or 'global'; above floor(tokens / 2) it is cut to that. Default 1. */
  readonly k?: number | 'global' | undefined;
  /**
   * true: k must be 1, so that a merged token knows nothing later than the token it stands for. 'strict': the choice of
   * pairs does not look ahead either, which leaves only a threshold per sample; where minTokens cuts, the earliest pairs
   * are merged. Default false.
   */
  readonly causal?: boolean | 'strict' | undefined;
  /** Tokens of a series that remain in any case (the paper's q). Default 1. */
  readonly minTokens?: number | undefined;
  /** 'l2' and 'l1' are distances with their sign changed. Default 'cosine'. */
  readonly similarity?: Similarity | undefined;
  /** [batch, tokens, features]: what is compared, if not the tokens themselves. */
  readonly metric?: FloatTensor | undefined;
  /** [batch, tokens]: original tokens each stands for, above 0. Default: one each. */
  readonly sizes?: FloatTensor | undefined;
  /** A merged token is the mean of its members weighted by size; false: the plain mean. Default true. */
  readonly weighted?: boolean | undefined;
  /** [batch, tokens]: 0 for tokens that take part in nothing. */
  readonly mask?: IntegerTensor | undefined;
  /**
   * How many links a threshold takes. 'sample' (default): each series its own, so that lengths differ. 'batch': all
   * series the mean of their numbers, rounded half up.
   */
  readonly dynamic?: 'sample' | 'batch' | undefined;
  /** Give the links too. Default false. */
  readonly links?: boolean | undefined;
}

export interface MergeLinks {
  /** [batch, floor(tokens / 2)]: similarity and place of every A token's best B token; -Infinity and -1: it has none. */
  readonly best: Tensor<Float32Array>;
  readonly choice: Tensor<Int32Array>;
  /**
   * [batch, most removed]: A token 2 · source went into B token 2 · target + 1, most similar first. Behind the last link
   * of a series: -1.
   */
  readonly source: Tensor<Int32Array>;
  readonly target: Tensor<Int32Array>;
}

export interface MergedBatch {
  /** [batch, remaining, channels] in the order of time; zeros behind the end of a shorter series. */
  readonly tokens: Tensor<Float32Array>;
  /** [batch, remaining]: original tokens in each; 0 behind the end. */
  readonly sizes: Tensor<Float32Array>;
  /** [batch, tokens]: old place to new place. */
  readonly map: Tensor<Int32Array>;
  /** [batch, remaining]: 1 for tokens, 0 for masked ones and behind the end. */
  readonly mask: Tensor<Uint8Array>;
  /** [batch]: tokens of every series now, masked ones included. */
  readonly lengths: Tensor<Int32Array>;
  /** [batch]: tokens removed from every series. */
  readonly removed: Tensor<Int32Array>;
  readonly links?: MergeLinks;
}

/**
 * Local token merging (Götz et al. 2025, arXiv 2405.17951, section 3): x float32 [batch, tokens, channels].
 *
 * Tokens at even places (A) look for their most similar token at an odd place (B), at most k - 1 pairs away; the most
 * similar of these links merge into their B token's place. The newest token of an odd number is left alone. Equal
 * similarities: the earliest. A token with a NaN or an infinity in what is compared takes part in nothing.
 *
 * r and ratio remove the same number from every series, lowered to what the series with the fewest usable links allows:
 * `removed` says what happened. With them the choice of pairs looks at the whole series, also with `causal: true`; with
 * a threshold it does not.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER.
 */
export function mergeTokens(x: FloatTensor, options: MergeOptions): MergedBatch {
  const { shape } = floats('mergeTokens', 'x', x, [undefined, undefined, undefined]);
  const [batch, tokens, channels] = shape as [number, number, number];
  const attributes = readOptions(options);
  const rows = [batch, tokens] as const;
  const { metric, sizes, mask } = options;
  const features = metric && floats('mergeTokens', 'metric', metric, [...rows, undefined]);
  const inputs = [
    floatRows(x, batch * tokens, channels),
    uniform(batch, tokens),
    sizes ? floatRows(floats('mergeTokens', 'sizes', sizes, rows), batch * tokens, 1) : null,
    features ? floatRows(features, batch * tokens, features.shape[2]!) : null,
    mask ? matrix(Uint8Array.from(integers('mergeTokens', 'mask', mask, rows).data, (value) => (value ? 1 : 0))) : null,
  ];
  const out = directBackend(options).call('merge_tokens', inputs, attributes);
  return padded(out, { batch, tokens, channels, links: options.links ?? false });
}

function readOptions(options: MergeOptions) {
  const given = (['r', 'ratio', 'threshold'] as const).filter((name) => options?.[name] !== undefined);
  const [rule] = given;
  if (given.length !== 1 || rule === undefined) {
    throw invalid('options', 'exactly one of r, ratio and threshold', given.join(' and ') || 'none');
  }
  const { causal = false, dynamic = 'sample', k = 1, minTokens = 1 } = options;
  if (causal !== 'strict' && typeof causal !== 'boolean') throw invalid('causal', "true, false or 'strict'", causal);
  if (causal && k !== 1) throw invalid('k', '1 with causal, because a larger neighbourhood looks ahead', k);
  if (dynamic !== 'sample' && dynamic !== 'batch') throw invalid('dynamic', "'sample' or 'batch'", dynamic);
  if (options.dynamic !== undefined && rule !== 'threshold') throw invalid('dynamic', 'only with a threshold', rule);
  if (causal === 'strict' && (rule !== 'threshold' || dynamic === 'batch')) {
    const got = rule === 'threshold' ? "dynamic 'batch'" : rule;
    throw invalid('causal', "a threshold per sample with 'strict', because other rules look at all pairs", got);
  }
  if (!(k === 'global' || (Number.isSafeInteger(k) && k >= 1))) throw invalid('k', "an integer >= 1 or 'global'", k);
  const { similarity = 'cosine' } = options;
  if (!['cosine', 'l2', 'l1'].includes(similarity)) throw invalid('similarity', "'cosine', 'l2' or 'l1'", similarity);
  return mergeAttributes({
    rule,
    amount: options[rule]!,
    // Beyond half of the tokens it makes no difference; the operator takes 32-bit numbers.
    k: k === 'global' ? 0 : Math.min(k, 2 ** 30),
    minTokens: Math.min(minTokens, 2 ** 30),
    keep: causal === 'strict' ? 'earliest' : 'similar',
    common: rule !== 'threshold' || dynamic === 'batch',
    similarity,
    weighted: options.weighted ?? true,
  });
}

/** What the operator gives for a ragged batch, in rectangles. */
function padded(
  out: readonly TensorData[],
  { batch, tokens, channels, links }: { batch: number; tokens: number; channels: number; links: boolean },
): MergedBatch {
  const offsets = out[2]!.data as Int32Array;
  const lengths = Int32Array.from({ length: batch }, (_, b) => offsets[b + 1]! - offsets[b]!);
  const most = lengths.reduce((a, b) => Math.max(a, b), 0);
  const pad = <A extends Float32Array | Uint8Array>(i: number, width: number, to: A): Tensor<A> => {
    const from = out[i]!.data as A;
    for (let b = 0; b < batch; b++) {
      to.set(from.subarray(offsets[b]! * width, offsets[b + 1]! * width) as never, b * most * width);
    }
    return { data: to, shape: width === channels && i === 0 ? [batch, most, channels] : [batch, most] };
  };
  return {
    tokens: pad(0, channels, new Float32Array(batch * most * channels)),
    sizes: pad(1, 1, new Float32Array(batch * most)),
    map: { data: out[3]!.data as Int32Array, shape: [batch, tokens] },
    mask: pad(4, 1, new Uint8Array(batch * most)),
    lengths: { data: lengths, shape: [batch] },
    removed: { data: lengths.map((length) => tokens - length), shape: [batch] },
    ...(links && { links: linksOf(out, batch, tokens, lengths) }),
  };
}

function linksOf(out: readonly TensorData[], batch: number, tokens: number, lengths: Int32Array): MergeLinks {
  const most = lengths.reduce((a, length) => Math.max(a, tokens - length), 0);
  const source = new Int32Array(batch * most).fill(-1);
  const target = new Int32Array(batch * most).fill(-1);
  const pairs = out[8]!.data;
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < tokens - lengths[b]!; i++, at++) {
      source[b * most + i] = pairs[2 * at]!;
      target[b * most + i] = pairs[2 * at + 1]!;
    }
  }
  const half = Math.floor(tokens / 2);
  return {
    best: { data: out[6]!.data as Float32Array, shape: [batch, half] },
    choice: { data: out[7]!.data as Int32Array, shape: [batch, half] },
    source: { data: source, shape: [batch, most] },
    target: { data: target, shape: [batch, most] },
  };
}

function invalid(name: string, expected: string, got: unknown, who = 'mergeTokens'): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: ${name}: expected ${expected}, got ${String(got)}`);
}
