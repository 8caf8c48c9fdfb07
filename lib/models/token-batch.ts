import { TidemergeError } from '../errors.js';
import { matrix } from '../tensor/tensor.js';
import { type FloatTensor, floats, type IntegerTensor, integers } from '../tensor/user-tensors.js';
import type { Inputs } from './model-host.js';
import { maskedTokens, pickRows, type RaggedIndex } from './ragged.js';

/** The tokens of a batch: one of the two. */
export interface TokenInputs {
  /** [batch, length] */
  readonly inputIds?: IntegerTensor | undefined;
  /** [batch, length, hidden]: real-valued tokens in place of embedded ids. */
  readonly inputsEmbeds?: FloatTensor | undefined;
}

export interface BatchTokens {
  readonly batch: number;
  readonly length: number;
  readonly embeds: boolean;
  /** The tokens that exist, of the rectangle [batch, length]. */
  readonly index: RaggedIndex;
  /** ids or x, offsets, positions */
  readonly inputs: Inputs;
}

/** Checks the tokens of a call and leaves out those whose mask, integers [batch, length], is 0. */
export function readTokens(
  who: string,
  { inputIds, inputsEmbeds }: TokenInputs,
  hiddenSize: number,
  attentionMask?: IntegerTensor | undefined,
): BatchTokens {
  if ((inputIds === undefined) === (inputsEmbeds === undefined)) {
    const got = inputIds === undefined ? 'neither' : 'both';
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `${who}: expected either inputIds or inputsEmbeds, got ${got} of them`,
    );
  }
  const given = inputIds
    ? integers(who, 'inputIds', inputIds, [undefined, undefined])
    : floats(who, 'inputsEmbeds', inputsEmbeds as FloatTensor, [undefined, undefined, hiddenSize]);
  const [batch, length] = given.shape as [number, number];
  const mask = attentionMask && integers(who, 'attentionMask', attentionMask, [batch, length]).data;
  const index = maskedTokens(batch, length, mask);
  const tokens = inputIds
    ? { ids: matrix(pickRows(given.data as Int32Array, 1, index.rows)) }
    : { x: matrix(pickRows(singles(given.data as Float32Array), hiddenSize, index.rows), hiddenSize) };
  return {
    ...{ batch, length, index, embeds: !inputIds },
    inputs: { ...tokens, offsets: matrix(index.offsets), positions: matrix(index.positions) },
  };
}

function singles(data: Float32Array | Float64Array): Float32Array {
  return data instanceof Float32Array ? data : new Float32Array(data);
}
