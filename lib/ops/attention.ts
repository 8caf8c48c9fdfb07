import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { expectDType, expectInteger, expectNumber, expectVector } from './record.js';

/** The columns of a wider tensor that begin at `column`: a fused product of queries, keys and values needs no copies. */
export interface ColumnView {
  readonly tensor: SymbolicTensor;
  readonly column: number;
}

export type Columns = SymbolicTensor | ColumnView;

export function columnView(view: Columns): ColumnView {
  return 'tensor' in view ? view : { tensor: view, column: 0 };
}

export interface HeadOptions {
  readonly numHeads: number;
  readonly headDim: number;
  /** Factor of the logits: 1 for T5, headDim^-0.5 elsewhere. */
  readonly scale: number;
}

export interface AttentionInputs {
  /** float32 [queries, …]: head h is the columns from `column + h · headDim`. Same for key and value. */
  readonly query: Columns;
  /** float32 [keys, …], or what `packKeys` made. */
  readonly key: Columns;
  readonly value: Columns;
  /** int32 [batch + 1]: series b owns the rows from offsets[b] to offsets[b + 1]. */
  readonly queryOffsets: SymbolicTensor;
  readonly keyOffsets: SymbolicTensor;
  /** int32 [queries] and [keys]: a token's place in its own series; 0, 1, 2 … when absent. */
  readonly queryPositions?: SymbolicTensor | undefined;
  readonly keyPositions?: SymbolicTensor | undefined;
  /** float32 [numHeads, 2D + 1]: added to the logits by clamp(keyPosition - queryPosition, -D, D) + D. */
  readonly distanceBias?: SymbolicTensor | undefined;
  /** float32 [keys]: tokens a key stands for; its logarithm is added to the key's logits (proportional attention). */
  readonly keySizes?: SymbolicTensor | undefined;
  /**
   * For tokens that were merged: the bias of a pair is then the mean over all pairs of the original positions that
   * stand in the two. Queries and keys are the same tokens, `distanceBias` is given, their own positions are not.
   */
  readonly groups?: MergedGroups | undefined;
}

/** Which original tokens stand in which merged one. */
export interface MergedGroups {
  /** int32 [originals]: the place of an original token's merged one in its series; none is left empty. */
  readonly map: SymbolicTensor;
  /** int32 [batch + 1]: the originals of every series. */
  readonly offsets: SymbolicTensor;
  /** int32 [originals]; 0, 1, 2 … when absent. */
  readonly positions?: SymbolicTensor | undefined;
}

export interface AttentionOptions extends HeadOptions {
  /** A query sees the keys whose position is at most its own. */
  readonly causal?: boolean;
}

/**
 * Multi-head scaled dot-product attention inside every series (Vaswani et al. 2017), for query i and key j of a series
 * and every head: softmax_j(scale · q_i·k_j + distanceBias + log keySize_j) · v_j
 *
 * → float32 [queries, numHeads · headDim]. A query that sees no key gets zeros.
 */
export function attention(inputs: AttentionInputs, options: AttentionOptions): SymbolicTensor {
  const { numHeads, headDim, scale, causal = false } = options;
  const op = 'attention';
  const query = columnView(inputs.query);
  const key = columnView(inputs.key);
  const value = columnView(inputs.value);
  const packedKeys = key.tensor.dtype === 'opaque';
  checkHeads(op, options);
  expectHeads(op, 'query', query, options);
  expectHeads(op, 'value', value, options);
  if (!packedKeys) expectHeads(op, 'key', key, options);
  checkRows(op, inputs);
  checkDistanceBias(op, inputs.distanceBias, numHeads);
  if (inputs.groups) checkGroups(op, inputs, inputs.groups, causal);
  const { queryOffsets, keyOffsets, queryPositions, keyPositions, distanceBias, keySizes, groups } = inputs;
  const [y] = query.tensor.builder.apply(
    op,
    [
      query.tensor,
      key.tensor,
      value.tensor,
      queryOffsets,
      keyOffsets,
      queryPositions,
      keyPositions,
      distanceBias,
      keySizes,
      ...(groups ? [groups.map, groups.offsets, groups.positions] : []),
    ],
    {
      numHeads,
      headDim,
      scale,
      causal,
      queryColumn: query.column,
      keyColumn: key.column,
      valueColumn: value.column,
      packedKeys,
    },
    [{ dtype: 'float32', columns: numHeads * headDim }],
  );
  return y!;
}

/**
 * Keys in the order the attention kernel reads them, for keys used by several `attention` calls: in a decoder the
 * encoder's keys are packed once per series and read at every step.
 *
 * key float32 [keys, …], keyOffsets int32 [batch + 1] → a value only `attention` reads.
 */
export function packKeys(
  key: Columns,
  keyOffsets: SymbolicTensor,
  { numHeads, headDim }: Omit<HeadOptions, 'scale'>,
): SymbolicTensor {
  const view = columnView(key);
  expectInteger('pack_keys', 'numHeads', numHeads);
  expectInteger('pack_keys', 'headDim', headDim);
  expectHeads('pack_keys', 'key', view, { numHeads, headDim });
  expectVector('pack_keys', 'keyOffsets', keyOffsets, 'int32');
  const [packed] = view.tensor.builder.apply(
    'pack_keys',
    [view.tensor, keyOffsets],
    { numHeads, headDim, keyColumn: view.column },
    [{ dtype: 'opaque' }],
  );
  return packed!;
}

export function checkHeads(op: string, { numHeads, headDim, scale }: HeadOptions): void {
  expectInteger(op, 'numHeads', numHeads);
  expectInteger(op, 'headDim', headDim);
  expectNumber(op, 'scale', scale);
}

/** All heads lie inside the tensor's columns. */
export function expectHeads(
  op: string,
  name: string,
  { tensor, column }: ColumnView,
  { numHeads, headDim }: Omit<HeadOptions, 'scale'>,
): void {
  expectDType(op, name, tensor, 'float32');
  expectInteger(op, `${name} column`, column, 0);
  const end = column + numHeads * headDim;
  if (tensor.columns !== undefined && end > tensor.columns) {
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `${op}: ${name}: expected at least ${end} columns (${numHeads} heads of ${headDim} from column ${column}), ` +
        `got ${tensor.columns}`,
    );
  }
}

/** The table reaches equally far back and ahead: an odd number of columns, a row for each head. */
export function checkDistanceBias(op: string, bias: SymbolicTensor | undefined, numHeads: number): void {
  if (!bias) return;
  expectDType(op, 'distanceBias', bias, 'float32');
  const rows = bias.weight?.shape[0];
  if ((rows !== undefined && rows !== numHeads) || (bias.columns !== undefined && bias.columns % 2 === 0)) {
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `${op}: distanceBias: expected [${numHeads}, an odd number], got [${rows ?? 'rows'}, ${bias.columns}]`,
    );
  }
}

function checkRows(op: string, inputs: AttentionInputs): void {
  const { queryPositions, keyPositions, keySizes } = inputs;
  expectVector(op, 'queryOffsets', inputs.queryOffsets, 'int32');
  expectVector(op, 'keyOffsets', inputs.keyOffsets, 'int32');
  if (queryPositions) expectVector(op, 'queryPositions', queryPositions, 'int32');
  if (keyPositions) expectVector(op, 'keyPositions', keyPositions, 'int32');
  if (keySizes) expectVector(op, 'keySizes', keySizes, 'float32');
}

function checkGroups(op: string, inputs: AttentionInputs, groups: MergedGroups, causal: boolean): void {
  expectVector(op, 'groups', groups.map, 'int32');
  expectVector(op, 'groupOffsets', groups.offsets, 'int32');
  if (groups.positions) expectVector(op, 'groupPositions', groups.positions, 'int32');
  const refuse = (expected: string, got: string) => {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: groups: expected ${expected}, got ${got}`);
  };
  if (!inputs.distanceBias) refuse('a distanceBias with groups', 'none');
  if (causal) refuse('causal: false with groups', 'true');
  if (inputs.queryPositions || inputs.keyPositions) {
    refuse('groupPositions instead of queryPositions and keyPositions', 'those');
  }
}
