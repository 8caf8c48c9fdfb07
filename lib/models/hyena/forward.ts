import { TidemergeError } from '../../errors.js';
import { show } from '../../io/quote.js';
import type { MergingOptions } from '../../merging/options.js';
import type { SeriesTrace } from '../../merging/trace.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { IntegerTensor } from '../../tensor/user-tensors.js';
import type { MergedPlaces } from '../chronos-t5/merged-states.js';
import type { BatchTokens, TokenInputs } from '../mamba/tokens.js';
import type { HyenaClassifier } from './weights.js';

/** What the logits are of: the next token of every token, or the class of a sequence. */
export type HyenaHead = 'lm' | 'classifier' | 'none';

export interface HyenaInputs extends TokenInputs {
  /** [batch, length]: 0 for places without a token, in front or anywhere. They never enter, whatever stands there. */
  readonly attentionMask?: IntegerTensor | undefined;
  /** Default: 'classifier' where the checkpoint has one, else 'lm'. */
  readonly head?: HyenaHead | undefined;
  /** Give the rows behind the final norm. Default false. */
  readonly lastHiddenState?: boolean | undefined;
  /** Give the residual stream behind every block. Default false. */
  readonly hiddenStates?: boolean | undefined;
  /** Tokens merge between the mixer and the MLP of a block. */
  readonly merging?: MergingOptions | false | undefined;
  /** Merged tokens are cloned back to all tokens they stand for. Default true. */
  readonly unmerge?: boolean | undefined;
}

/**
 * b batch, n length, m the largest number of merged tokens of a series, d dModel, v vocabulary. Rows without a token are
 * zero.
 */
export interface HyenaForward {
  /** 'lm': [b, n, v], with `unmerge: false` [b, m, v]. 'classifier': [b, labels]. */
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

export function readHead(head: HyenaHead | undefined, classifier: HyenaClassifier | undefined): HyenaHead {
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

/** The largest number of tokens of a series. Throws where one has more than `most` or fewer than `least`. */
export function longestSeries({ batch, index: { offsets } }: BatchTokens, least: number, most: number): number {
  let longest = 0;
  for (let b = 0; b < batch; b++) {
    const count = (offsets[b + 1] as number) - (offsets[b] as number);
    if (count < least || count > most) {
      const expected =
        count < least ? `at least ${least} for a classifier` : `at most ${most}, the length of its filters`;
      throw new TidemergeError(
        'ERR_INVALID_ARGUMENT',
        `forward: tokens of series ${b}: expected ${expected}, got ${count}`,
      );
    }
    longest = Math.max(longest, count);
  }
  return longest;
}
