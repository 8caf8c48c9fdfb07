import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { type Columns, columnView } from './attention.js';
import { expectColumnRange, expectInteger, expectMatrix, expectVector } from './record.js';

/** B or C of a scan: constant in time, or new at every step for each group of channels. */
export type ScanFactor =
  /** float32 [dInner, dState] */
  | { readonly constant: SymbolicTensor }
  /** float32 [rows, groups · dState], or such columns of a wider tensor; dInner is a multiple of groups. */
  | { readonly varying: Columns; readonly groups: number };

export interface SelectiveScanInputs {
  /** float32 [rows, dInner], or such columns of a wider tensor. Same for delta and z. */
  readonly u: Columns;
  /** Step sizes before bias and softplus. */
  readonly delta: Columns;
  /** float32 [dInner, dState]; negative in every stable model. */
  readonly A: SymbolicTensor;
  readonly B: ScanFactor;
  readonly C: ScanFactor;
  /** int32 [batch + 1]: series b owns the rows from offsets[b] to offsets[b + 1]. */
  readonly offsets: SymbolicTensor;
  /** float32 [dInner]: weight of the skip connection. */
  readonly D?: SymbolicTensor | undefined;
  readonly z?: Columns | undefined;
  /** float32 [dInner] */
  readonly deltaBias?: SymbolicTensor | undefined;
  /** float32 [batch, dInner · dState], channel by channel; zeros when absent. */
  readonly initialState?: SymbolicTensor | undefined;
}

export interface SelectiveScanOptions {
  readonly dInner: number;
  readonly dState: number;
  readonly deltaSoftplus: boolean;
}

/**
 * Selective scan of a state-space model (Gu and Dao 2023, "Mamba", arXiv 2312.00752, algorithm 2) in every series, for
 * channel c, state n and step t:
 *
 * dt = softplus(delta[t, c] + deltaBias[c])
 * h[c, n] ← exp(dt · A[c, n]) · h[c, n] + dt · B[t, n] · u[t, c]
 * y[t, c] = (Σₙ C[t, n] · h[c, n] + D[c] · u[t, c]) · silu(z[t, c])
 *
 * → y float32 [rows, dInner] and lastState float32 [batch, dInner · dState]: h behind the last step of every series.
 * Channels are independent: a NaN stays within its own.
 */
export function selectiveScan(
  inputs: SelectiveScanInputs,
  options: SelectiveScanOptions,
): { readonly y: SymbolicTensor; readonly lastState: SymbolicTensor } {
  const op = 'selective_scan';
  const { dInner, dState } = options;
  const { A, D, deltaBias, offsets, initialState } = inputs;
  const u = columnView(inputs.u);
  const delta = columnView(inputs.delta);
  const z = inputs.z && columnView(inputs.z);
  const B = factorView('B', inputs.B, options);
  const C = factorView('C', inputs.C, options);
  const attributes = scanAttributes(options, {
    uColumn: u.column,
    deltaColumn: delta.column,
    zColumn: z?.column ?? 0,
    bGroups: B.groups,
    bColumn: B.column,
    cGroups: C.groups,
    cColumn: C.column,
  });
  expectColumnRange(op, 'u', u, dInner);
  expectColumnRange(op, 'delta', delta, dInner);
  if (z) expectColumnRange(op, 'z', z, dInner);
  expectMatrix(op, 'A', A, dState, 'float32');
  expectVector(op, 'offsets', offsets, 'int32');
  if (D) expectVector(op, 'D', D, 'float32', dInner);
  if (deltaBias) expectVector(op, 'deltaBias', deltaBias, 'float32', dInner);
  if (initialState) expectMatrix(op, 'initialState', initialState, dInner * dState, 'float32');
  const [y, lastState] = A.builder.apply(
    op,
    [u.tensor, delta.tensor, A, B.tensor, C.tensor, offsets, D, z?.tensor, deltaBias, initialState],
    attributes,
    [
      { dtype: 'float32', columns: dInner },
      { dtype: 'float32', columns: dInner * dState },
    ],
  );
  return { y: y!, lastState: lastState! };
}

/** Where u, delta, z, B and C lie in their tensors; no groups: constant in time. */
export interface ScanPlaces {
  readonly uColumn: number;
  readonly deltaColumn: number;
  readonly zColumn: number;
  readonly bGroups: number;
  readonly bColumn: number;
  readonly cGroups: number;
  readonly cColumn: number;
}

/**
 * All attributes of the operator, checked. With `channelsFirst` u, delta, z and y are [batch · dInner, length], one
 * channel of one series a row, and all series are equally long.
 */
export function scanAttributes(
  { dInner, dState, deltaSoftplus }: SelectiveScanOptions,
  places: ScanPlaces,
  channelsFirst = false,
) {
  const op = 'selective_scan';
  expectInteger(op, 'dInner', dInner);
  expectInteger(op, 'dState', dState);
  const { bGroups, cGroups } = places;
  for (const [name, groups] of Object.entries({ B: bGroups, C: cGroups })) {
    if (groups !== 0 && dInner % groups !== 0) {
      throw new TidemergeError(
        'ERR_INVALID_SHAPE',
        `${op}: ${name}: expected a number of groups that divides ${dInner} channels, got ${groups}`,
      );
    }
  }
  if (bGroups > 1 && cGroups > 1 && bGroups !== cGroups) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `${op}: C: expected ${bGroups} groups like B, got ${cGroups}`);
  }
  return { channels: dInner, states: dState, softplus: deltaSoftplus, channelsFirst, ...places };
}

function factorView(name: string, factor: ScanFactor, { dState }: SelectiveScanOptions) {
  const op = 'selective_scan';
  if ('constant' in factor) {
    expectMatrix(op, name, factor.constant, dState, 'float32');
    return { tensor: factor.constant, column: 0, groups: 0 };
  }
  expectInteger(op, `groups of ${name}`, factor.groups);
  const view = columnView(factor.varying);
  expectColumnRange(op, name, view, factor.groups * dState);
  return { ...view, groups: factor.groups };
}
