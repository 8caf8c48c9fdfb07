import { TidemergeError } from '../../errors.js';
import { show } from '../../io/quote.js';
import type { SparseBinaryMatrix } from '../../tensor/sparse-binary.js';
import { checkSparseBinary } from '../../tensor/sparse-binary.js';
import type { Tensor } from '../../tensor/tensor.js';

/** 'mask': alpha = sum(|W| M) / int(keepRatio n), as published. 'score': sum(|W| |s|) / int(keepRatio n), as the paper's runs had it. */
export type AlphaRule = 'mask' | 'score';

export interface BinarizeOptions {
  /** Share of the entries that stay, above 0 and at most 1. */
  readonly keepRatio: number;
  /** Default 'mask'. */
  readonly alpha?: AlphaRule | undefined;
}

/**
 * The forward weight of Biprop ("Multi-Prize Lottery Ticket Hypothesis", ICLR 2021; "Sparse Binary Transformers", arXiv
 * 2308.04637): alpha · sign(W) · M, where M keeps the entries [out, in] of largest |score| in the whole matrix. Of equal
 * ones the later stay. sign(0) is 0, so a kept weight of exactly 0 is no kept entry of the result; it counts in alpha.
 *
 * Throws ERR_INVALID_ARGUMENT (a ratio that keeps nothing, NaN, an alpha that is not finite or not above 0),
 * ERR_INVALID_SHAPE, ERR_INVALID_DTYPE; `who` begins the messages.
 */
export function binarize(
  weight: Tensor<Float32Array>,
  scores: Tensor<Float32Array>,
  { keepRatio, alpha: rule = 'mask' }: BinarizeOptions,
  who = 'binarize',
): SparseBinaryMatrix {
  const [out, inner] = checkMatrix(who, 'weight', weight);
  const scoresShape = checkMatrix(who, 'scores', scores);
  if (scoresShape[0] !== out || scoresShape[1] !== inner) {
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `${who}: scores: expected shape [${out}, ${inner}], got [${scoresShape}]`,
    );
  }
  if (rule !== 'mask' && rule !== 'score') {
    throw invalid(`${who}: alpha: expected 'mask' or 'score', got ${show(rule)}`);
  }
  const kept = keepLargest(scores.data, keepRatio, `${who}: scores`);
  const alpha = scaleOf(who, weight.data, rule === 'mask' ? kept : scores.data, keepRatio);
  const matrix = { shape: [out, inner] as const, ...signsOf(weight.data, kept), alpha };
  checkSparseBinary(who, matrix);
  return matrix;
}

/** Entries of `count` that a ratio keeps: count - int((1 - keepRatio) count), the product rounded to double and cut. */
export function keptCount(count: number, keepRatio: number): number {
  return count - Math.trunc((1 - keepRatio) * count);
}

/** 1 where an entry stays, 0 elsewhere: the `keptCount` entries of largest magnitude, of equal ones the later. */
export function keepLargest(scores: Float32Array, keepRatio: number, who: string): Uint8Array {
  checkRatio(who, keepRatio);
  const nan = scores.findIndex(Number.isNaN);
  if (nan >= 0) throw invalid(`${who}: expected numbers, got NaN at ${nan}`);
  const magnitudes = scores.map(Math.abs);
  const dropped = scores.length - keptCount(scores.length, keepRatio);
  // In a stable ascending order everything below the threshold goes, and of those equal to it the first ones.
  const threshold = dropped === 0 ? -1 : (magnitudes.slice().sort()[dropped - 1] as number);
  let equal = dropped;
  for (const magnitude of magnitudes) if (magnitude < threshold) equal--;
  const kept = new Uint8Array(scores.length);
  for (const [i, magnitude] of magnitudes.entries()) {
    if (magnitude > threshold) kept[i] = 1;
    else if (magnitude === threshold && --equal < 0) kept[i] = 1;
  }
  return kept;
}

/** sum(|W| |factor|) / int(keepRatio n), summed in double precision, rounded to float32. */
function scaleOf(who: string, weight: Float32Array, factor: ArrayLike<number>, keepRatio: number): number {
  const divisor = Math.trunc(keepRatio * weight.length);
  if (divisor === 0) {
    throw invalid(`${who}: keepRatio: expected to keep at least one of ${weight.length} entries, got ${keepRatio}`);
  }
  let sum = 0;
  for (let i = 0; i < weight.length; i++) {
    if (!Number.isFinite(weight[i])) throw invalid(`${who}: weight: expected finite numbers, got ${weight[i]} at ${i}`);
    sum += Math.abs(weight[i]! * factor[i]!);
  }
  return Math.fround(sum / divisor);
}

function signsOf(weight: Float32Array, kept: Uint8Array): { mask: Uint8Array; signs: Uint8Array } {
  const mask = new Uint8Array(Math.ceil(kept.length / 8));
  const signs = new Uint8Array(mask.length);
  let count = 0;
  for (let i = 0; i < kept.length; i++) {
    if (kept[i] === 0 || weight[i] === 0) continue;
    mask[i >> 3]! |= 1 << (i & 7);
    if (weight[i]! < 0) signs[count >> 3]! |= 1 << (count & 7);
    count++;
  }
  return { mask, signs: signs.slice(0, Math.ceil(count / 8)) };
}

function checkRatio(who: string, keepRatio: number): void {
  if (!(keepRatio > 0 && keepRatio <= 1)) {
    throw invalid(`${who}: keepRatio: expected a number above 0 and at most 1, got ${show(keepRatio)}`);
  }
}

function checkMatrix(who: string, name: string, { data, shape }: Tensor<Float32Array>): readonly [number, number] {
  if (!(data instanceof Float32Array)) {
    throw new TidemergeError('ERR_INVALID_DTYPE', `${who}: ${name}: expected a Float32Array, got ${typeof data}`);
  }
  if (shape.length !== 2 || data.length !== shape[0]! * shape[1]!) {
    const got = `[${shape}] for ${data.length}`;
    throw new TidemergeError('ERR_INVALID_SHAPE', `${who}: ${name}: expected a shape [out, in], got ${got} numbers`);
  }
  return shape as readonly [number, number];
}

function invalid(message: string): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', message);
}
