import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { type Columns, columnView } from './attention.js';
import { expectColumnRange, expectInteger, expectMatrix, expectVector } from './record.js';

export interface SsdScanInputs {
  /** float32 [rows, heads · headDim], head by head, or such columns of a wider tensor. Same for z. */
  readonly x: Columns;
  /** float32 [rows, heads] or such columns: step sizes before bias, softplus and clamp. */
  readonly dt: Columns;
  /** float32 [heads]; negative in every stable model. */
  readonly A: SymbolicTensor;
  /** float32 [rows, groups · dState] or such columns: head h is of group floor(h · groups / heads). Same for C. */
  readonly B: Columns;
  readonly C: Columns;
  /** int32 [batch + 1]: series b owns the rows from offsets[b] to offsets[b + 1]. */
  readonly offsets: SymbolicTensor;
  /** float32 [heads] or [heads · headDim]: weight of the skip connection. */
  readonly D?: SymbolicTensor | undefined;
  readonly z?: Columns | undefined;
  /** float32 [heads] */
  readonly dtBias?: SymbolicTensor | undefined;
  /** float32 [batch, heads · headDim · dState], channel by channel; zeros when absent. */
  readonly initialState?: SymbolicTensor | undefined;
}

export interface SsdScanOptions {
  readonly heads: number;
  readonly headDim: number;
  readonly dState: number;
  /** Of B and C; divides heads. */
  readonly groups: number;
  readonly dtSoftplus: boolean;
  /** dt is kept within these, behind the softplus. Default: no limits. */
  readonly dtLimit?: readonly [least: number, most: number] | undefined;
}

/**
 * Recurrence of a Mamba-2 layer (Dao and Gu 2024, "Transformers are SSMs", arXiv 2405.21060) in every series: a
 * selective scan in which the channels of a head share step size and decay. For head h, its channel p, state n, step t:
 *
 * dt = clamp(softplus(dt[t, h] + dtBias[h]), dtLimit)
 * s[h, p, n] ← exp(dt · A[h]) · s[h, p, n] + dt · B[t, n] · x[t, h, p]
 * y[t, h, p] = (Σₙ C[t, n] · s[h, p, n] + D[h] · x[t, h, p]) · silu(z[t, h, p])
 *
 * → y float32 [rows, heads · headDim] and lastState float32 [batch, heads · headDim · dState]: s behind the last step of
 * every series. One step after the other, so nothing depends on a chunk size. Without limits the result is that of
 * `selectiveScan` with dt and A repeated, bit for bit; it takes one exponential a head and step.
 */
export function ssdScan(
  inputs: SsdScanInputs,
  options: SsdScanOptions,
): { readonly y: SymbolicTensor; readonly lastState: SymbolicTensor } {
  const op = 'ssd_scan';
  const { heads, headDim, dState, groups } = options;
  const { A, D, dtBias, offsets, initialState } = inputs;
  const [x, dt, B, C] = [inputs.x, inputs.dt, inputs.B, inputs.C].map(columnView) as [View, View, View, View];
  const z = inputs.z && columnView(inputs.z);
  const attributes = ssdAttributes(options, {
    xColumn: x.column,
    dtColumn: dt.column,
    bColumn: B.column,
    cColumn: C.column,
    zColumn: z?.column ?? 0,
  });
  const channels = heads * headDim;
  expectColumnRange(op, 'x', x, channels);
  expectColumnRange(op, 'dt', dt, heads);
  expectVector(op, 'A', A, 'float32', heads);
  expectColumnRange(op, 'B', B, groups * dState);
  expectColumnRange(op, 'C', C, groups * dState);
  expectVector(op, 'offsets', offsets, 'int32');
  if (D) expectVector(op, 'D', D, 'float32', lengthOf(D) === heads ? heads : channels);
  if (z) expectColumnRange(op, 'z', z, channels);
  if (dtBias) expectVector(op, 'dtBias', dtBias, 'float32', heads);
  if (initialState) expectMatrix(op, 'initialState', initialState, channels * dState, 'float32');
  const [y, lastState] = A.builder.apply(
    op,
    [x.tensor, dt.tensor, A, B.tensor, C.tensor, offsets, D, z?.tensor, dtBias, initialState],
    attributes,
    [
      { dtype: 'float32', columns: channels },
      { dtype: 'float32', columns: channels * dState },
    ],
  );
  return { y: y!, lastState: lastState! };
}

type View = ReturnType<typeof columnView>;

/** Where x, dt, B, C and z begin in their tensors. */
export interface SsdPlaces {
  readonly xColumn: number;
  readonly dtColumn: number;
  readonly bColumn: number;
  readonly cColumn: number;
  readonly zColumn: number;
}

/** All attributes of the operator, checked. */
export function ssdAttributes(options: SsdScanOptions, places: SsdPlaces) {
  const op = 'ssd_scan';
  const { heads, headDim, dState, groups, dtSoftplus, dtLimit = [-Infinity, Infinity] } = options;
  for (const [name, value] of Object.entries({ heads, headDim, dState, groups })) expectInteger(op, name, value);
  if (heads % groups !== 0) {
    const message = `${op}: groups: expected a divisor of ${heads} heads, got ${groups}`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  const [dtMin, dtMax] = dtLimit;
  if (!(dtMin <= dtMax)) {
    const message = `${op}: dtLimit: expected two numbers that do not fall, got [${dtMin}, ${dtMax}]`;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', message);
  }
  return { heads, headDim, states: dState, groups, softplus: dtSoftplus, dtMin, dtMax, ...places };
}

/** Of a weight; other vectors show theirs when the program runs. */
function lengthOf({ weight }: SymbolicTensor): number | undefined {
  return weight && weight.shape[0] * weight.shape[1];
}
