import { TidemergeError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { type FloatTensor, floats } from '../tensor/user-tensors.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import { floatRows, uniform } from './direct-ragged.js';
import { ssdAttributes } from './ssd-scan.js';

export interface SsdScanInputs extends DirectOptions {
  /** [batch, length, heads, headDim]. Same for z. */
  readonly x: FloatTensor;
  /** [batch, length, heads]: step sizes before bias, softplus and limits. */
  readonly dt: FloatTensor;
  /** [heads] */
  readonly A: FloatTensor;
  /** [batch, length, groups, dState]: head h is of group floor(h · groups / heads). Same for C. */
  readonly B: FloatTensor;
  readonly C: FloatTensor;
  /** [heads] or [heads, headDim]: adds D · x to the output. */
  readonly D?: FloatTensor | undefined;
  /** Multiplies the output by silu(z). */
  readonly z?: FloatTensor | undefined;
  /** [heads] */
  readonly dtBias?: FloatTensor | undefined;
  /** dt goes through softplus, behind the bias. Default false. */
  readonly dtSoftplus?: boolean | undefined;
  /** dt is kept within these, behind the softplus. Default: no limits. */
  readonly dtLimit?: readonly [least: number, most: number] | undefined;
  /** [batch, heads, headDim, dState]: the state before the first step. Default zeros. */
  readonly initialState?: FloatTensor | undefined;
}

export interface SsdScanResult {
  /** Shape of x. */
  readonly y: Tensor<Float32Array>;
  /** [batch, heads, headDim, dState]: the state behind the last step. */
  readonly lastState: Tensor<Float32Array>;
}

const WHO = 'ssdScan';

/**
 * Recurrence of Mamba-2 (Dao and Gu 2024, arXiv 2405.21060), with the meaning of `mamba_chunk_scan_combined` of
 * state-spaces/mamba, one step after the other: s = exp(dt · A) · s + dt · B · x, y = (Σ C · s + D · x) · silu(z).
 * Nothing depends on a chunk size, and a sequence may be cut anywhere and carried on from `lastState`.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER.
 */
export function ssdScan(inputs: SsdScanInputs): SsdScanResult {
  const { D, z, dtBias, initialState, dtSoftplus = false, dtLimit } = inputs;
  const any = undefined;
  const { shape } = floats(WHO, 'x', inputs.x, [any, any, any, any]);
  const [batch, length, heads, headDim] = shape as [number, number, number, number];
  const [, , groups, dState] = floats(WHO, 'B', inputs.B, [batch, length, any, any]).shape as [
    number,
    number,
    number,
    number,
  ];
  if (Math.min(heads, headDim, groups, dState) === 0) {
    const message = `${WHO}: B: expected heads, channels, groups and states, got ${heads}, ${headDim}, ${groups}, ${dState}`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  const places = { xColumn: 0, dtColumn: 0, bColumn: 0, cColumn: 0, zColumn: 0 };
  const attributes = ssdAttributes({ heads, headDim, dState, groups, dtSoftplus, dtLimit }, places);
  const [rows, channels] = [batch * length, heads * headDim];
  const checked = (name: string, tensor: FloatTensor, like: readonly number[], cols: number, count = rows) =>
    floatRows(floats(WHO, name, tensor, like), count, cols);
  const vector = (name: string, tensor: FloatTensor) => checked(name, tensor, [heads], 1, heads);
  const factor = [batch, length, groups, dState];
  const byChannel = D?.shape?.length === 2;
  const [y, lastState] = directBackend(inputs).call(
    'ssd_scan',
    [
      checked('x', inputs.x, shape, channels),
      checked('dt', inputs.dt, [batch, length, heads], heads),
      vector('A', inputs.A),
      checked('B', inputs.B, factor, groups * dState),
      checked('C', inputs.C, factor, groups * dState),
      uniform(batch, length),
      D ? (byChannel ? checked('D', D, [heads, headDim], 1, channels) : vector('D', D)) : null,
      z ? checked('z', z, shape, channels) : null,
      dtBias ? vector('dtBias', dtBias) : null,
      initialState
        ? checked('initialState', initialState, [batch, heads, headDim, dState], channels * dState, batch)
        : null,
    ],
    attributes,
  );
  return {
    y: { data: y!.data as Float32Array, shape: [...shape] },
    lastState: { data: lastState!.data as Float32Array, shape: [batch, heads, headDim, dState] },
  };
}
