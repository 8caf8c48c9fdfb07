import { TidemergeError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { type FloatTensor, floats } from '../tensor/user-tensors.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import { floatRows, uniform } from './direct-ragged.js';
import { scanAttributes } from './selective-scan.js';

export interface SelectiveStateUpdateInputs extends DirectOptions {
  /** [batch, dInner, dState]. With heads dInner is [heads, headDim], here and below. It is not written. */
  readonly state: FloatTensor;
  /** [batch, dInner]. Same for delta and z. */
  readonly u: FloatTensor;
  /** Step size before bias and softplus. */
  readonly delta: FloatTensor;
  /** [dInner, dState], real */
  readonly A: FloatTensor;
  /** [batch, dState] or [batch, groups, dState] */
  readonly B: FloatTensor;
  readonly C: FloatTensor;
  /** [dInner] */
  readonly D?: FloatTensor | undefined;
  readonly z?: FloatTensor | undefined;
  /** [dInner] */
  readonly deltaBias?: FloatTensor | undefined;
  /** Default false. */
  readonly deltaSoftplus?: boolean | undefined;
}

export interface SelectiveStateUpdateResult {
  /** Shape of u. */
  readonly y: Tensor<Float32Array>;
  /** The new state, in the shape of the old one. */
  readonly state: Tensor<Float32Array>;
}

const WHO = 'selectiveStateUpdate';

/**
 * One step of `selectiveScan`, with the meaning of `selective_state_update_ref` of state-spaces/mamba: bit for bit what a
 * scan of length 1 from that state gives.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER.
 */
export function selectiveStateUpdate(inputs: SelectiveStateUpdateInputs): SelectiveStateUpdateResult {
  const { state, u, A, D, z, deltaBias, deltaSoftplus = false } = inputs;
  const any = [undefined, undefined];
  const { shape } = floats(WHO, 'u', u, u?.shape?.length === 3 ? [...any, undefined] : any);
  const [batch, ...inner] = shape as [number, ...number[]];
  const dInner = inner.reduce((a, b) => a * b, 1);
  const dState = floats(WHO, 'A', A, [...inner, undefined]).shape.at(-1)!;
  if (dInner === 0 || dState === 0) {
    const message = `${WHO}: A: expected at least one channel and one state, got [${A.shape.join(', ')}]`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  const channels = (name: string, tensor: FloatTensor) => floatRows(floats(WHO, name, tensor, shape), batch, dInner);
  const vector = (name: string, tensor: FloatTensor | undefined) =>
    tensor ? floatRows(floats(WHO, name, tensor, inner), dInner, 1) : null;
  const groupsOf = (name: string, tensor: FloatTensor) => {
    const grouped = tensor?.shape?.length === 3;
    floats(WHO, name, tensor, grouped ? [batch, undefined, dState] : [batch, dState]);
    const groups = grouped ? tensor.shape[1]! : 1;
    if (groups > 0 && dInner % groups === 0) return groups;
    const expected = `a number of groups that divides ${dInner} channels`;
    throw new TidemergeError('ERR_INVALID_SHAPE', `${WHO}: ${name}: expected ${expected}, got ${groups}`);
  };
  const [bGroups, cGroups] = [groupsOf('B', inputs.B), groupsOf('C', inputs.C)];
  const places = { uColumn: 0, deltaColumn: 0, zColumn: 0, bColumn: 0, cColumn: 0, bGroups, cGroups };
  const [y, next] = directBackend(inputs).call(
    'selective_scan',
    [
      channels('u', u),
      channels('delta', inputs.delta),
      floatRows(A, dInner, dState),
      floatRows(inputs.B, batch, bGroups * dState),
      floatRows(inputs.C, batch, cGroups * dState),
      uniform(batch, 1),
      vector('D', D),
      z ? channels('z', z) : null,
      vector('deltaBias', deltaBias),
      floatRows(floats(WHO, 'state', state, [...shape, dState]), batch, dInner * dState),
    ],
    scanAttributes({ dInner, dState, deltaSoftplus }, places),
  );
  return {
    y: { data: y!.data as Float32Array, shape: [...shape] },
    state: { data: next!.data as Float32Array, shape: [...shape, dState] },
  };
}
