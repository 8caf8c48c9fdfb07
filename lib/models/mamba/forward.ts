import { TidemergeError } from '../../errors.js';
import { show } from '../../io/quote.js';
import type { MergingOptions } from '../../merging/options.js';
import type { SeriesTrace } from '../../merging/trace.js';
import { matrix, type Tensor } from '../../tensor/tensor.js';
import type { IntegerTensor } from '../../tensor/user-tensors.js';
import type { MergedPlaces } from '../chronos-t5/merged-states.js';
import type { Inputs } from '../model-host.js';
import type { MambaState } from './state.js';
import type { BatchTokens, TokenInputs } from './tokens.js';
import type { MambaClassifier } from './weights.js';

/** Whose logits are computed: the head of a language model can be a good part of the work. */
export type WantedLogits = 'all' | 'last' | 'none';

/** What the logits are of: the next token of every token, or the class of a sequence. */
export type MambaHead = 'lm' | 'classifier' | 'none';

export interface ForwardInputs extends TokenInputs {
  /** [batch, length]: 0 for places without a token, in front or anywhere. They never enter, whatever stands there. */
  readonly attentionMask?: IntegerTensor | undefined;
  /** Where the series go on; from the beginning when absent. */
  readonly state?: MambaState | undefined;
  /** Default: 'classifier' where the checkpoint has one, else 'lm'. */
  readonly head?: MambaHead | undefined;
  /** Of the head 'lm'. Default 'all'. 'last' gives those of every series' newest token. */
  readonly logits?: WantedLogits | undefined;
  /** Give the rows behind the final norm. Default false. */
  readonly lastHiddenState?: boolean | undefined;
  /** Give the residual stream behind every block. Default false. */
  readonly hiddenStates?: boolean | undefined;
  /** Tokens merge behind every block. */
  readonly merging?: MergingOptions | false | undefined;
  /** Merged tokens are cloned back to all tokens they stand for. Default true. */
  readonly unmerge?: boolean | undefined;
}

/**
 * b batch, n length, m the largest number of merged tokens of a series, h hidden, v vocabulary. Rows without a token are
 * zero.
 */
export interface MambaForward {
  /** 'all': [b, n, v], with `unmerge: false` [b, m, v]. 'last': [b, 1, v]. Of a classifier: [b, labels]. */
  readonly logits?: Tensor<Float32Array>;
  /** [b, n, h], with `unmerge: false` [b, m, h] */
  readonly lastHiddenState?: Tensor<Float32Array>;
  /** [layers + 1, b, n, h]: behind every block and its merge, always cloned back; the last one behind the final norm. */
  readonly hiddenStates?: Tensor<Float32Array>;
  /** Behind the last token, of merged ones where they merged: goes on with the next tokens. */
  readonly state: MambaState;
  /** Only with `merging`. */
  readonly merged?: MergedPlaces;
  /** By series; only with `merging.trace`. */
  readonly trace?: readonly SeriesTrace[];
}

export function readLogits(who: string, logits: WantedLogits = 'all'): WantedLogits {
  if (logits === 'all' || logits === 'last' || logits === 'none') return logits;
  throw new TidemergeError(
    'ERR_INVALID_ARGUMENT',
    `${who}: logits: expected 'all', 'last' or 'none', got ${show(logits)}`,
  );
}

/** Whose logits of which head. */
export function readHead(
  { head, logits }: Pick<ForwardInputs, 'head' | 'logits'>,
  classifier: MambaClassifier | undefined,
): WantedLogits | 'classes' {
  if (head !== undefined && head !== 'lm' && head !== 'classifier' && head !== 'none') {
    throw invalid('head', "'lm', 'classifier' or 'none'", head);
  }
  if (head === 'classifier' && !classifier) {
    throw new TidemergeError('ERR_UNSUPPORTED', `forward: head 'classifier': the checkpoint has no classifier`);
  }
  const wanted = readLogits('forward', logits);
  if (wanted === 'none' || head === 'lm' || (head === undefined && !classifier)) return wanted;
  if (logits !== undefined) throw invalid('logits', `'none' or nothing without head 'lm'`, logits);
  return head === 'none' ? 'none' : 'classes';
}

function invalid(name: string, expected: string, got: unknown): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `forward: ${name}: expected ${expected}, got ${show(got)}`);
}

/** A mean needs a token. */
export function expectSeriesTokens({ batch, index: { offsets } }: BatchTokens): void {
  for (let b = 0; b < batch; b++) {
    if (offsets[b + 1] !== offsets[b]) continue;
    throw invalid(`tokens of series ${b}`, 'at least 1 for a classifier', 0);
  }
}

export function readFlag(who: string, name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value === 'boolean') return value;
  throw new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: ${name}: expected true or false, got ${show(value)}`);
}

/** The newest tokens of all series that have one: `last` [series], lastOffsets [batch + 1]. */
export function lastInputs({ batch, index: { offsets } }: BatchTokens): Inputs {
  const last: number[] = [];
  const lastOffsets = new Int32Array(batch + 1);
  for (let b = 0; b < batch; b++) {
    if ((offsets[b + 1] as number) > (offsets[b] as number)) last.push((offsets[b + 1] as number) - 1);
    lastOffsets[b + 1] = last.length;
  }
  return { last: matrix(Int32Array.from(last)), lastOffsets: matrix(lastOffsets) };
}

/** Rows of the series that have one, as [batch, 1, width]. */
export function spreadLast(rows: Float32Array, tokens: BatchTokens, width: number): Tensor<Float32Array> {
  const { offsets } = tokens.index;
  const shape = [tokens.batch, 1, width];
  if (rows.length === tokens.batch * width) return { data: rows, shape };
  const data = new Float32Array(tokens.batch * width);
  let row = 0;
  for (let b = 0; b < tokens.batch; b++) {
    if (offsets[b + 1] === offsets[b]) continue;
    data.set(rows.subarray(row * width, ++row * width), b * width);
  }
  return { data, shape };
}
