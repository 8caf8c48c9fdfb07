import { TidemergeError } from '../../errors.js';
import { show } from '../../io/quote.js';
import { elementCount, matrix, type Tensor } from '../../tensor/tensor.js';
import { floats } from '../../tensor/user-tensors.js';
import type { Mamba2Config } from '../mamba2/config.js';
import type { Inputs, Outputs } from '../model-host.js';
import type { MambaConfig } from './config.js';

/** What one series leaves in one block, without the batch. */
export interface StateSizes {
  readonly model: string;
  readonly numLayers: number;
  /** [channels, convKernel - 1] */
  readonly conv: readonly number[];
  /** [dInner, dState], or [numHeads, headDim, dState] */
  readonly scan: readonly number[];
}

export function stateSizes(config: MambaConfig | Mamba2Config): StateSizes {
  const { model, numLayers, dState } = config;
  const before = config.convKernel - 1;
  if (config.model === 'mamba') {
    const { dInner } = config;
    return { model, numLayers, conv: [dInner, before], scan: [dInner, dState] };
  }
  const { numHeads, headDim, numGroups } = config;
  const channels = numHeads * headDim + 2 * numGroups * dState;
  return { model, numLayers, conv: [channels, before], scan: [numHeads, headDim, dState] };
}

/**
 * Everything a model remembers of the tokens so far; its size does not grow with them. Plain data: it can be cloned,
 * posted to a worker, written to a file (`v8.serialize`), and goes on in any model of these sizes.
 */
export interface MambaState {
  /** Of this layout. */
  readonly version: 1;
  /** 'mamba' or 'mamba2' */
  readonly model: string;
  /** [layers, batch, channels, convKernel - 1]: the last inputs of every convolution, oldest first. */
  readonly conv: Tensor<Float32Array>;
  /** [layers, batch, dInner, dState]; Mamba-2: [layers, batch, numHeads, headDim, dState] */
  readonly ssm: Tensor<Float32Array>;
}

/** A value of a program: the input a block begins with, or the output it ends with. */
export function stateName(block: number, part: 'conv' | 'scan'): string {
  return `state.${block}.${part}`;
}

export function stateNames({ numLayers }: StateSizes): string[] {
  return Array.from({ length: numLayers }, (_, i) => [stateName(i, 'conv'), stateName(i, 'scan')]).flat();
}

/** All zeros: before the first token. */
export function emptyState({ model, numLayers, conv, scan }: StateSizes, batch: number): MambaState {
  const zeros = (shape: readonly number[]) => ({ data: new Float32Array(elementCount(shape)), shape });
  const front = [numLayers, batch];
  return { version: 1, model, conv: zeros([...front, ...conv]), ssm: zeros([...front, ...scan]) };
}

/** A copy of a state as the inputs of a program. ERR_INVALID_ARGUMENT and ERR_INVALID_SHAPE where it is not of this model. */
export function stateInputs(who: string, state: MambaState, sizes: StateSizes, batch: number): Inputs {
  const { model, numLayers, conv, scan } = sizes;
  if (typeof state !== 'object' || state === null) throw invalid(who, 'state', 'a state that a model gave', state);
  if (state.version !== 1) throw invalid(who, 'state.version', '1', state.version);
  if (state.model !== model) throw invalid(who, 'state.model', show(model), state.model);
  const front = [numLayers, batch];
  const parts = {
    conv: floats(who, 'state.conv', state.conv, [...front, ...conv]).data,
    scan: floats(who, 'state.ssm', state.ssm, [...front, ...scan]).data,
  };
  const inputs: Record<string, Inputs[string]> = {};
  for (const [part, columns] of [['conv', elementCount(conv)] as const, ['scan', elementCount(scan)] as const]) {
    const data = new Float32Array(parts[part]); // a copy
    for (let i = 0; i < numLayers; i++) {
      const rows = data.subarray(i * batch * columns, (i + 1) * batch * columns);
      inputs[stateName(i, part)] = matrix(rows, columns, batch);
    }
  }
  return inputs;
}

/** The state in the outputs of a program. */
export function readState(outputs: Outputs, { model, numLayers, conv, scan }: StateSizes, batch: number): MambaState {
  const stack = (part: 'conv' | 'scan', one: readonly number[]) => {
    const length = batch * elementCount(one);
    const data = new Float32Array(numLayers * length);
    for (let i = 0; i < numLayers; i++) data.set(outputs[stateName(i, part)]!.data, i * length);
    return { data, shape: [numLayers, batch, ...one] };
  };
  return { version: 1, model, conv: stack('conv', conv), ssm: stack('scan', scan) };
}

function invalid(who: string, name: string, expected: string, got: unknown): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `${who}: ${name}: expected ${expected}, got ${show(got)}`);
}
