import { TidemergeError } from '../errors.js';
import { show } from '../io/quote.js';
import { type MergingOptions, type MergingPlan, type MergingTarget, readMerging } from '../merging/options.js';
import { readTrace, type SeriesTrace } from '../merging/trace.js';
import { elementCount, matrix, type Tensor } from '../tensor/tensor.js';
import type { IntegerTensor } from '../tensor/user-tensors.js';
import { type MergedPlaces, mergedPlaces, rectangle } from './merged-states.js';
import type { Inputs, Outputs } from './model-host.js';
import { type PooledClassifier, poolScores } from './pooled-scores.js';
import type { BatchTokens, TokenInputs } from './token-batch.js';

/*
 * One pass of a language model with one stack of blocks over whole sequences: what Mamba and HyenaDNA are asked and answer in
 * the same way. token-programs.ts records the same.
 */

/** What the logits are of: the next token of every token, or the class of a sequence. */
export type TokenHead = 'lm' | 'classifier' | 'none';

export interface TokenForwardInputs extends TokenInputs {
  /** [batch, length]: 0 for places without a token, in front or anywhere. They never enter, whatever stands there. */
  readonly attentionMask?: IntegerTensor | undefined;
  /** Default: 'classifier' where the checkpoint has one, else 'lm'. */
  readonly head?: TokenHead | undefined;
  /** Give the rows behind the final norm. Default false. */
  readonly lastHiddenState?: boolean | undefined;
  /** Give the residual stream behind every block. Default false. */
  readonly hiddenStates?: boolean | undefined;
  /** Tokens merge in every block: behind that of a Mamba, between the mixer and the MLP of a HyenaDNA. */
  readonly merging?: MergingOptions | false | undefined;
  /** Merged tokens are cloned back to all tokens they stand for. Default true. */
  readonly unmerge?: boolean | undefined;
}

/**
 * b batch, n length, m the largest number of merged tokens of a series, d width of the residual stream, v vocabulary. Rows
 * without a token are zero.
 */
export interface TokenForward {
  /** Of the head 'lm': [b, n, v], with `unmerge: false` [b, m, v]. Of a classifier: [b, labels]. */
  readonly logits?: Tensor<Float32Array>;
  /** [b, n, d], with `unmerge: false` [b, m, d] */
  readonly lastHiddenState?: Tensor<Float32Array>;
  /** [layers + 1, b, n, d]: behind every block, always cloned back; the last one behind the final norm. */
  readonly hiddenStates?: Tensor<Float32Array>;
  /** Only with `merging`. */
  readonly merged?: MergedPlaces;
  /** By series; only with `merging.trace`. */
  readonly trace?: readonly SeriesTrace[];
}

/** What a program is given and what it gives. */
export interface TokenForm {
  /** Input `x` in place of `ids`. */
  readonly embeds: boolean;
  /** The batch is a rectangle with holes: rows go to their `positions`, and zeros where there is none. */
  readonly padded: boolean;
  /** The rows behind the final norm. */
  readonly features: boolean;
  /** The residual stream behind every block. */
  readonly blocks: boolean;
  /** Language model logits and features have a row for every token that was given. */
  readonly unmerge: boolean;
  readonly merging: MergingPlan | undefined;
}

export function readForm(inputs: TokenForwardInputs, { embeds, index }: BatchTokens, target: MergingTarget): TokenForm {
  const flag = (name: keyof TokenForwardInputs, otherwise: boolean) =>
    readFlag('forward', name, inputs[name], otherwise);
  const merging = readMerging(inputs.merging, target);
  return {
    embeds,
    padded: index.rows !== undefined,
    features: flag('lastHiddenState', false),
    blocks: flag('hiddenStates', false),
    // Without merging, places of padding stay where they are, whatever is asked.
    unmerge: flag('unmerge', true) || merging === undefined,
    merging,
  };
}

export function readFlag(who: string, name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value === 'boolean') return value;
  throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: ${name}: expected true or false, got ${show(value)}`);
}

export function readHead(head: TokenHead | undefined, classifier: PooledClassifier | undefined): TokenHead {
  if (head === undefined) return classifier ? 'classifier' : 'lm';
  if (head === 'classifier' && !classifier) {
    throw new TidemergeError('ERR_UNSUPPORTED', `forward: head 'classifier': the checkpoint has no classifier`);
  }
  if (head === 'lm' || head === 'classifier' || head === 'none') return head;
  throw new TidemergeError(
    'ERR_INVALID_ARGUMENT',
    `forward: head: expected 'lm', 'classifier' or 'none', got ${show(head)}`,
  );
}

/** A classifier reads at least one token of every series. */
export function expectSeriesTokens({ batch, index: { offsets } }: BatchTokens): void {
  for (let b = 0; b < batch; b++) {
    if (offsets[b + 1] !== offsets[b]) continue;
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `forward: tokens of series ${b}: expected at least 1 for a classifier, got 0`,
    );
  }
}

/** Equal for equal programs. */
export function keyOf({ merging, ...flags }: TokenForm): string {
  return `${JSON.stringify(flags)} ${merging?.key}`;
}

/** ids or x, offsets, positions [, length] */
export function formInputs({ inputs, length }: BatchTokens, { padded }: TokenForm): Inputs {
  return padded ? { ...inputs, length: matrix(Int32Array.of(length)) } : inputs;
}

/** All but the logits. */
export function readOutputs(
  out: Outputs,
  tokens: BatchTokens,
  form: TokenForm,
  { numLayers, width }: { readonly numLayers: number; readonly width: number },
): Omit<TokenForward, 'logits'> {
  const trace = readTrace(out);
  return {
    ...(form.features && { lastHiddenState: tokenRows(out, 'features', tokens, form, width) }),
    ...(form.blocks && { hiddenStates: blockRows(out, tokens, numLayers, width) }),
    ...(form.merging && { merged: mergedPlaces(out, tokens.index, tokens.length) }),
    ...(trace && { trace }),
  };
}

/** An output with a row for every token: as many as were given, or with `unmerge: false` as many as are left. */
export function tokenRows(
  out: Outputs,
  name: string,
  { batch, length }: BatchTokens,
  { unmerge }: TokenForm,
  width: number,
): Tensor<Float32Array> {
  const data = out[name]!.data as Float32Array;
  if (unmerge) return { data, shape: [batch, length, width] };
  return rectangle(data, out.mergedOffsets!.data as Int32Array, width);
}

function blockRows(
  out: Outputs,
  { batch, length }: BatchTokens,
  numLayers: number,
  width: number,
): Tensor<Float32Array> {
  const shape = [numLayers + 1, batch, length, width];
  const data = new Float32Array(elementCount(shape));
  for (let i = 0; i <= numLayers; i++) {
    data.set(out[i < numLayers ? `block.${i}` : 'normed']!.data, (i * data.length) / (numLayers + 1));
  }
  return { data, shape };
}

/** [batch, labels] */
export function classLogits(
  out: Outputs,
  { index }: BatchTokens,
  { merging }: TokenForm,
  classifier: PooledClassifier,
): Tensor<Float32Array> {
  const offsets = merging ? (out.mergedOffsets!.data as Int32Array) : index.offsets;
  const sizes = out.sizes?.data as Float32Array | undefined;
  return poolScores(out.scores!.data as Float32Array, offsets, sizes, classifier);
}
