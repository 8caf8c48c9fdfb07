import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { expectInteger, expectMatrix, expectVector } from './record.js';

export type Similarity = 'cosine' | 'l2' | 'l1';

/** How many tokens of a series merge, and which ones may. */
export interface MergeTokensOptions {
  /** 'r': `amount` tokens; 'ratio': floor(amount · tokens); 'threshold': every pair more similar than `amount`. */
  readonly rule: 'r' | 'ratio' | 'threshold';
  readonly amount: number;
  /** Neighbourhood in pairs: A token i may merge into B token j if |i - j| < k. 0: any. */
  readonly k: number;
  /** Tokens that remain in any case (the paper's q). */
  readonly minTokens: number;
  /** Which links of a threshold stay where minTokens cuts: the most similar, or the earliest (strictly causal). */
  readonly keep?: 'similar' | 'earliest' | undefined;
  /** One count for all series, which then have equal lengths. Default false. */
  readonly common?: boolean | undefined;
  /** Default 'cosine'; distances are negated. */
  readonly similarity?: Similarity | undefined;
  /** The mean of merged tokens counts each by its size. Default true. */
  readonly weighted?: boolean | undefined;
  /** Pruning, as a control for experiments: the B token stays as it is instead of the mean. Default false. */
  readonly drop?: boolean | undefined;
}

export interface MergeTokensInputs {
  /** float32 [rows, channels] */
  readonly x: SymbolicTensor;
  /** int32 [batch + 1]: series b owns the rows from offsets[b] to offsets[b + 1]. */
  readonly offsets: SymbolicTensor;
  /** float32 [rows]: original tokens in each; ones when absent. */
  readonly sizes?: SymbolicTensor | undefined;
  /** float32 [rows, features]: what is compared; x itself when absent. */
  readonly metric?: SymbolicTensor | undefined;
  /** uint8 [rows]: 0 for tokens that take part in nothing. */
  readonly mask?: SymbolicTensor | undefined;
}

export interface MergedTokens {
  /** float32 [rows', channels] in the order of time */
  readonly tokens: SymbolicTensor;
  /** float32 [rows'] */
  readonly sizes: SymbolicTensor;
  /** int32 [batch + 1] */
  readonly offsets: SymbolicTensor;
  /** int32 [rows]: place before to place now, both within the series. */
  readonly map: SymbolicTensor;
  /** uint8 [rows'] */
  readonly mask: SymbolicTensor;
  /** float32 [batch]: similarity of the least similar pair that merged; NaN where none did. */
  readonly last: SymbolicTensor;
  /** float32 and int32 [pairs], ⌊t / 2⌋ of every series: similarity and place of an A token's best B token; -∞, -1: none. */
  readonly best: SymbolicTensor;
  readonly choice: SymbolicTensor;
  /** int32 [removed, 2]: A token 2 · source merged into B token 2 · target + 1; most similar first within a series. */
  readonly links: SymbolicTensor;
}

/**
 * Local token merging (Götz et al. 2025, arXiv 2405.17951, section 3). The tokens of a series are A (even places) and B
 * (odd places) in turns; the newest token of an odd number takes no part. Every A token looks for its most similar B
 * token within the neighbourhood, the most similar of these links merge, and the merged token, the mean of its members,
 * stands where its B token stood.
 *
 * Equal similarities: the earliest B token, then the earliest A token. A zero vector has cosine 0 to everything. A token
 * with a NaN or an infinity in what is compared takes part in nothing.
 */
export function mergeTokens(inputs: MergeTokensInputs, options: MergeTokensOptions): MergedTokens {
  const { x, offsets, sizes, metric, mask } = inputs;
  const op = 'merge_tokens';
  expectMatrix(op, 'x', x, undefined, 'float32');
  expectVector(op, 'offsets', offsets, 'int32');
  if (sizes) expectVector(op, 'sizes', sizes, 'float32');
  if (metric) expectMatrix(op, 'metric', metric, undefined, 'float32');
  if (mask) expectVector(op, 'mask', mask, 'uint8');
  const float = { dtype: 'float32', columns: 1 } as const;
  const int = { dtype: 'int32', columns: 1 } as const;
  const out = x.builder.apply(op, [x, offsets, sizes, metric, mask], mergeAttributes(options), [
    { dtype: 'float32', columns: x.columns },
    float,
    int,
    int,
    { dtype: 'uint8', columns: 1 },
    float,
    float,
    int,
    { dtype: 'int32', columns: 2 },
  ]);
  const [tokens, newSizes, newOffsets, map, newMask, last, best, choice, links] = out as SymbolicTensor[];
  return {
    tokens: tokens!,
    sizes: newSizes!,
    offsets: newOffsets!,
    map: map!,
    mask: newMask!,
    last: last!,
    best: best!,
    choice: choice!,
    links: links!,
  };
}

/** All attributes of the operator, checked. */
export function mergeAttributes(options: MergeTokensOptions) {
  const { rule, amount, k, minTokens } = options;
  const { keep = 'similar', common = false, similarity = 'cosine', weighted = true, drop = false } = options;
  const op = 'merge_tokens';
  if (rule === 'r') expectInteger(op, 'amount', amount, 0);
  else if (rule === 'ratio' ? !(amount >= 0 && amount <= 1) : !Number.isFinite(amount)) {
    const expected = rule === 'ratio' ? 'a ratio from 0 to 1' : 'a finite threshold';
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: amount: expected ${expected}, got ${amount}`);
  }
  expectInteger(op, 'k', k, 0);
  expectInteger(op, 'minTokens', minTokens, 0);
  return { rule, amount, k, minTokens, keep, common, similarity, weighted, ...(drop && { drop }) };
}

/**
 * A row for every old place: that of the token it went into. tokens float32 [rows', channels] with mergedOffsets, map
 * int32 [rows] with offsets → [rows, channels].
 */
export function unmergeTokens(
  tokens: SymbolicTensor,
  mergedOffsets: SymbolicTensor,
  map: SymbolicTensor,
  offsets: SymbolicTensor,
): SymbolicTensor {
  const op = 'unmerge_tokens';
  expectMatrix(op, 'tokens', tokens, undefined, 'float32');
  expectVector(op, 'mergedOffsets', mergedOffsets, 'int32');
  expectVector(op, 'map', map, 'int32');
  expectVector(op, 'offsets', offsets, 'int32');
  const shape = { dtype: 'float32', columns: tokens.columns } as const;
  return tokens.builder.apply(op, [tokens, mergedOffsets, map, offsets], {}, [shape])[0]!;
}

/** Two merges as one: second[first[place]] within every series. first int32 [rows], second int32 [rows'] → [rows]. */
export function composeMaps(
  first: SymbolicTensor,
  offsets: SymbolicTensor,
  second: SymbolicTensor,
  secondOffsets: SymbolicTensor,
): SymbolicTensor {
  const op = 'compose_maps';
  for (const [name, tensor] of Object.entries({ first, offsets, second, secondOffsets })) {
    expectVector(op, name, tensor, 'int32');
  }
  return first.builder.apply(op, [first, offsets, second, secondOffsets], {}, [{ dtype: 'int32', columns: 1 }])[0]!;
}

/**
 * Brings something that belongs to old tokens to the new ones: the mean (weighted by sizes, if given), the sum or the
 * first of the rows of every new token. x float32 [rows, channels], map int32 [rows] → float32 [rows', channels], where
 * a series has as many new rows as its largest place says.
 */
export function reduceByMap(
  x: SymbolicTensor,
  map: SymbolicTensor,
  offsets: SymbolicTensor,
  { reduce, sizes }: { readonly reduce: 'mean' | 'sum' | 'first'; readonly sizes?: SymbolicTensor | undefined },
): SymbolicTensor {
  const op = 'reduce_by_map';
  expectMatrix(op, 'x', x, undefined, 'float32');
  expectVector(op, 'map', map, 'int32');
  expectVector(op, 'offsets', offsets, 'int32');
  if (sizes) expectVector(op, 'sizes', sizes, 'float32');
  return x.builder.apply(op, [x, map, offsets, sizes], { reduce }, [{ dtype: 'float32', columns: x.columns }])[0]!;
}
