import { TidemergeError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { type FloatTensor, floats } from '../tensor/user-tensors.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import { floatRows, uniform } from './direct-ragged.js';
import { factorRows, type ScanSizes } from './scan-factor.js';
import { scanAttributes } from './selective-scan.js';
import { type SequenceLayout, sequenceLayout } from './sequence-layout.js';

export interface SelectiveScanInputs extends DirectOptions {
  /** [batch, dInner, length]. Same for delta and z. */
  readonly u: FloatTensor;
  /** Step sizes before bias and softplus. */
  readonly delta: FloatTensor;
  /** [dInner, dState], real */
  readonly A: FloatTensor;
  /**
   * [dInner, dState], constant in time; [batch, dState, length]; or [batch, groups, dState, length], where channel c is
   * of group floor(c · groups / dInner). With channelsLast [batch, length, dState] and [batch, length, groups, dState].
   */
  readonly B: FloatTensor;
  readonly C: FloatTensor;
  /** [dInner]: adds D · u to the output. */
  readonly D?: FloatTensor | undefined;
  /** Multiplies the output by silu(z). */
  readonly z?: FloatTensor | undefined;
  /** [dInner] */
  readonly deltaBias?: FloatTensor | undefined;
  /** delta goes through softplus, behind the bias. Default false. */
  readonly deltaSoftplus?: boolean | undefined;
  /** [batch, dInner, dState]: the state before the first step. Default zeros. */
  readonly initialState?: FloatTensor | undefined;
  /** Of u, delta, z, B, C and y. Default 'channelsFirst'. */
  readonly layout?: SequenceLayout | undefined;
}

export interface SelectiveScanResult {
  /** Shape of u. */
  readonly y: Tensor<Float32Array>;
  /** [batch, dInner, dState]: the state behind the last step. With a constant B it includes the factor B. */
  readonly lastState: Tensor<Float32Array>;
}

const WHO = 'selectiveScan';

/**
 * Selective scan (Gu and Dao 2023, "Mamba", arXiv 2312.00752), with the meaning of `selective_scan_ref` of
 * state-spaces/mamba: h = exp(dt · A) · h + dt · B · u, y = (Σ C · h + D · u) · silu(z), dt = softplus(delta + deltaBias).
 * Computed in float32 in one pass; nothing of size length · dInner · dState is stored. A NaN stays within its own channel
 * and sequence.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER.
 */
export function selectiveScan(inputs: SelectiveScanInputs): SelectiveScanResult {
  const { deltaSoftplus = false } = inputs;
  const sizes = readSizes(inputs, sequenceLayout(WHO, inputs.layout) === 'channelsLast');
  const { batch, length, dInner, dState, last } = sizes;
  const channels = (name: string, tensor: FloatTensor) => {
    floats(WHO, name, tensor, last ? [batch, length, dInner] : [batch, dInner, length]);
    return last ? floatRows(tensor, batch * length, dInner) : floatRows(tensor, batch * dInner, length);
  };
  const vector = (name: string, tensor: FloatTensor | undefined) =>
    tensor ? floatRows(floats(WHO, name, tensor, [dInner]), dInner, 1) : null;
  const { D, z, deltaBias, initialState } = inputs;
  const B = factorRows(WHO, 'B', inputs.B, sizes);
  const C = factorRows(WHO, 'C', inputs.C, sizes);
  const columns = { uColumn: 0, deltaColumn: 0, zColumn: 0, bColumn: 0, cColumn: 0 };
  const places = { ...columns, bGroups: B.groups, cGroups: C.groups };
  const attributes = scanAttributes({ dInner, dState, deltaSoftplus }, places, !last);
  const state = initialState && floats(WHO, 'initialState', initialState, [batch, dInner, dState]);
  const [y, lastState] = directBackend(inputs).call(
    'selective_scan',
    [
      channels('u', inputs.u),
      channels('delta', inputs.delta),
      floatRows(inputs.A, dInner, dState),
      B.rows,
      C.rows,
      uniform(batch, length),
      vector('D', D),
      z ? channels('z', z) : null,
      vector('deltaBias', deltaBias),
      state ? floatRows(state, batch, dInner * dState) : null,
    ],
    attributes,
  );
  return {
    y: { data: y!.data as Float32Array, shape: [...inputs.u.shape] },
    lastState: { data: lastState!.data as Float32Array, shape: [batch, dInner, dState] },
  };
}

function readSizes({ u, A }: SelectiveScanInputs, last: boolean): ScanSizes {
  const [batch, second, third] = floats(WHO, 'u', u, [undefined, undefined, undefined]).shape as [
    number,
    number,
    number,
  ];
  const [length, dInner] = last ? [second, third] : [third, second];
  const dState = floats(WHO, 'A', A, [dInner, undefined]).shape[1]!;
  if (dInner === 0 || dState === 0) {
    const message = `${WHO}: A: expected at least one channel and one state, got [${dInner}, ${dState}]`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  return { batch, length, dInner, dState, last };
}
