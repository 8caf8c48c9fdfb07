import type { SymbolicTensor } from '../backend/program.js';
import { expectDType, expectInteger, expectMatrix, expectVector } from './record.js';

export interface MeanScaleTokenizeOptions {
  /** Only the last `contextLength` values of a series are read. */
  readonly contextLength: number;
  readonly numTokens: number;
  readonly numSpecialTokens: number;
  /** Appended to every series; absent: none. */
  readonly eosTokenId?: number | undefined;
}

export interface Tokens {
  /** int32 [tokens] */
  readonly ids: SymbolicTensor;
  /** int32 [batch + 1] */
  readonly offsets: SymbolicTensor;
  /** int32 [tokens]: place in the series, counting missing values too. */
  readonly positions: SymbolicTensor;
  /** float32 [batch] */
  readonly scale: SymbolicTensor;
}

/**
 * Chronos' MeanScaleUniformBins (Ansari et al. 2024): divides every series by the mean of its observed absolute values
 * (1 where that is 0 or nothing is observed) and gives every value the number of boundaries that are not above it,
 * plus numSpecialTokens, at most numTokens - 1.
 *
 * values float64 or float32 [n] (NaN: missing, dropped), offsets int32 [batch + 1], boundaries float32 [bins + 1],
 * ascending.
 */
export function meanScaleTokenize(
  values: SymbolicTensor,
  offsets: SymbolicTensor,
  boundaries: SymbolicTensor,
  { contextLength, numTokens, numSpecialTokens, eosTokenId = -1 }: MeanScaleTokenizeOptions,
): Tokens {
  const op = 'mean_scale_tokenize';
  expectMatrix(op, 'values', values, 1, 'float64', 'float32');
  expectVector(op, 'offsets', offsets, 'int32');
  expectVector(op, 'boundaries', boundaries, 'float32');
  expectInteger(op, 'contextLength', contextLength);
  expectInteger(op, 'numTokens', numTokens);
  expectInteger(op, 'numSpecialTokens', numSpecialTokens, 0);
  expectInteger(op, 'eosTokenId', eosTokenId, -1);
  const attributes = { contextLength, numTokens, numSpecialTokens, eosTokenId };
  const [ids, tokenOffsets, positions, scale] = values.builder.apply(op, [values, offsets, boundaries], attributes, [
    { dtype: 'int32', columns: 1 },
    { dtype: 'int32', columns: 1 },
    { dtype: 'int32', columns: 1 },
    { dtype: 'float32', columns: 1 },
  ]);
  return { ids: ids!, offsets: tokenOffsets!, positions: positions!, scale: scale! };
}

/**
 * The inverse: centers[clamp(id - numSpecialTokens - 1)] · scale of the row's series.
 *
 * ids int32 [rows, horizon], scale float32 [batch], rows being a multiple of batch (the samples of a series one after
 * the other), centers float32 [bins] → float32 [rows, horizon]
 */
export function tokensToValues(
  ids: SymbolicTensor,
  scale: SymbolicTensor,
  centers: SymbolicTensor,
  { numSpecialTokens }: { readonly numSpecialTokens: number },
): SymbolicTensor {
  const op = 'tokens_to_values';
  expectDType(op, 'ids', ids, 'int32');
  expectVector(op, 'scale', scale, 'float32');
  expectVector(op, 'centers', centers, 'float32');
  expectInteger(op, 'numSpecialTokens', numSpecialTokens, 0);
  const outputs = [{ dtype: 'float32', columns: ids.columns }] as const;
  const [y] = ids.builder.apply(op, [ids, scale, centers], { numSpecialTokens }, outputs);
  return y!;
}
