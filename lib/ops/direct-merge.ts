import { TidemergeError } from '../errors.js';
import { matrix, type Tensor, type TensorData } from '../tensor/tensor.js';
import { type FloatTensor, floats, type IntegerTensor, integers } from '../tensor/user-tensors.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import { offsetsOf, ragged, raggedFloats, readLengths, rectangle } from './direct-ragged.js';
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
   * [batch]: tokens of every series, as a merge before gave them. What lies behind is padding: it is not looked at and
   * counts for nothing. r and ratio then need equal lengths.
   */
  readonly lengths?: IntegerTensor | undefined;
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
  /** [batch, tokens]: old place to new place; -1 behind the length of a series. */
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
  const given = readLengths('mergeTokens', options.lengths, batch, tokens);
  const other = given.find((length) => length !== given[0]);
  if (attributes.common && other !== undefined) {
    throw invalid('lengths', 'equal lengths for one common count', `${given[0]} and ${other}`);
  }
  const flags = mask && integers('mergeTokens', 'mask', mask, rows).data;
  const inputs = [
    raggedFloats(x, given, channels),
    offsetsOf(given),
    sizes ? raggedFloats(floats('mergeTokens', 'sizes', sizes, rows), given, 1) : null,
    features ? raggedFloats(features, given, features.shape[2]!) : null,
    flags ? matrix(Uint8Array.from(ragged(flags, given, tokens), (value) => (value ? 1 : 0))) : null,
  ];
  const out = directBackend(options).call('merge_tokens', inputs, attributes);
  return padded(out, { given, tokens, channels, links: options.links ?? false });
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

interface Layout {
  /** By series: tokens before. */
  readonly given: Int32Array;
  readonly tokens: number;
  readonly channels: number;
  readonly links: boolean;
}

/** What the operator gives for a ragged batch, in rectangles. */
function padded(out: readonly TensorData[], { given, tokens, channels, links }: Layout): MergedBatch {
  const batch = given.length;
  const offsets = out[2]!.data as Int32Array;
  const lengths = Int32Array.from({ length: batch }, (_, b) => offsets[b + 1]! - offsets[b]!);
  const most = lengths.reduce((a, b) => Math.max(a, b), 0);
  const floatRows = (i: number, width: number) =>
    rectangle(out[i]!.data as Float32Array, lengths, most, width, new Float32Array(batch * most * width));
  const mask = rectangle(out[4]!.data as Uint8Array, lengths, most, 1, new Uint8Array(batch * most));
  const map = rectangle(out[3]!.data as Int32Array, given, tokens, 1, new Int32Array(batch * tokens).fill(-1));
  return {
    tokens: { data: floatRows(0, channels), shape: [batch, most, channels] },
    sizes: { data: floatRows(1, 1), shape: [batch, most] },
    map: { data: map, shape: [batch, tokens] },
    mask: { data: mask, shape: [batch, most] },
    lengths: { data: lengths, shape: [batch] },
    removed: { data: given.map((length, b) => length - lengths[b]!), shape: [batch] },
    ...(links && { links: linksOf(out, given, lengths, tokens) }),
  };
}

function linksOf(out: readonly TensorData[], given: Int32Array, lengths: Int32Array, tokens: number): MergeLinks {
  const batch = given.length;
  const half = Math.floor(tokens / 2);
  const pairs = given.map((length) => Math.floor(length / 2));
  const removed = given.map((length, b) => length - lengths[b]!);
  const most = removed.reduce((a, b) => Math.max(a, b), 0);
  const ends = out[8]!.data as Int32Array;
  const column = (c: number) => Int32Array.from({ length: ends.length / 2 }, (_, i) => ends[2 * i + c]!);
  const spread = <A extends Int32Array | Float32Array>(
    from: A,
    counts: Int32Array,
    width: number,
    to: A,
  ): Tensor<A> => ({
    data: rectangle(from, counts, width, 1, to),
    shape: [batch, width],
  });
  const none = (count: number) => new Int32Array(count).fill(-1);
  return {
    best: spread(out[6]!.data as Float32Array, pairs, half, new Float32Array(batch * half).fill(-Infinity)),
    choice: spread(out[7]!.data as Int32Array, pairs, half, none(batch * half)),
    source: spread(column(0), removed, most, none(batch * most)),
    target: spread(column(1), removed, most, none(batch * most)),
  };
}

function invalid(name: string, expected: string, got: unknown, who = 'mergeTokens'): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: ${name}: expected ${expected}, got ${String(got)}`);
}
