import { TidemergeError } from '../../errors.js';
import { show } from '../../io/quote.js';
import { matrix, type Tensor } from '../../tensor/tensor.js';
import type { Inputs } from '../model-host.js';
import type { PooledClassifier } from '../pooled-scores.js';
import type { BatchTokens } from '../token-batch.js';
import { readHead, type TokenForward, type TokenForwardInputs } from '../token-forward.js';
import type { MambaState } from './state.js';

/** Whose logits are computed: the head of a language model can be a good part of the work. */
export type WantedLogits = 'all' | 'last' | 'none';

export interface MambaInputs extends TokenForwardInputs {
  /** Where the series go on; from the beginning when absent. */
  readonly state?: MambaState | undefined;
  /** Of the head 'lm'. Default 'all'. 'last' gives those of every series' newest token. */
  readonly logits?: WantedLogits | undefined;
}

export interface MambaForward extends TokenForward {
  /** Of the head 'lm': [b, n, v], with `unmerge: false` [b, m, v]; 'last': [b, 1, v]. Of a classifier: [b, labels]. */
  readonly logits?: Tensor<Float32Array>;
  /** Behind the last token, of merged ones where they merged: goes on with the next tokens. */
  readonly state: MambaState;
}

export function readLogits(who: string, logits: WantedLogits = 'all'): WantedLogits {
  if (logits === 'all' || logits === 'last' || logits === 'none') return logits;
  throw new TidemergeError(
    'ERR_INVALID_ARGUMENT',
    `${who}: logits: expected 'all', 'last' or 'none', got ${show(logits)}`,
  );
}

/** Whose logits of which head. */
export function readHeadLogits(
  { head, logits }: Pick<MambaInputs, 'head' | 'logits'>,
  classifier: PooledClassifier | undefined,
): WantedLogits | 'classes' {
  const of = readHead(head, classifier);
  const wanted = readLogits('forward', logits);
  if (wanted === 'none' || of === 'lm') return wanted;
  if (logits !== undefined) {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `forward: logits: expected 'none' or nothing without head 'lm', got ${show(logits)}`,
    );
  }
  return of === 'none' ? 'none' : 'classes';
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
