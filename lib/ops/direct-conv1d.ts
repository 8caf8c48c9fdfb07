import { TidemergeError } from '../errors.js';
import { matrix, type Tensor } from '../tensor/tensor.js';
import { type FloatTensor, floats } from '../tensor/user-tensors.js';
import { type ConvActivation, convAttributes } from './causal-conv1d.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import { floatRows, uniform } from './direct-ragged.js';
import { type SequenceLayout, sequenceLayout } from './sequence-layout.js';
import { transpose } from './transpose.js';

export interface CausalConv1dInputs extends DirectOptions {
  /** [batch, channels, length] */
  readonly x: FloatTensor;
  /** [channels, width], or [channels, 1, width] as checkpoints have it; the last tap is that of the newest input. */
  readonly weight: FloatTensor;
  /** [channels] */
  readonly bias?: FloatTensor | undefined;
  /** 'silu' multiplies the sum by its own sigmoid. Default 'none'. */
  readonly activation?: ConvActivation | undefined;
  /** [batch, channels, width - 1]: the inputs before the first, oldest first. Default zeros. */
  readonly initialState?: FloatTensor | undefined;
  /** Of x and y. Default 'channelsFirst'. */
  readonly layout?: SequenceLayout | undefined;
}

export interface CausalConv1dResult {
  /** Shape of x. */
  readonly y: Tensor<Float32Array>;
  /** [batch, channels, width - 1]: the last inputs, for the next piece of the sequence. */
  readonly lastState: Tensor<Float32Array>;
}

const WHO = 'causalConv1d';

/**
 * Causal depthwise convolution with the meaning of `causal_conv1d_ref` of Dao-AILab/causal-conv1d:
 * y[c, t] = activation(bias[c] + Σₖ weight[c, k] · x[c, t - (width - 1) + k]). Any width; 2 to 4 are the fast ones.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER.
 */
export function causalConv1d(inputs: CausalConv1dInputs): CausalConv1dResult {
  const { x, bias, initialState, activation = 'none' } = inputs;
  const last = sequenceLayout(WHO, inputs.layout) === 'channelsLast';
  if (activation !== 'none' && activation !== 'silu') {
    const message = `${WHO}: activation: expected 'none' or 'silu', got ${String(activation)}`;
    throw new TidemergeError('ERR_INVALID_ARGUMENT', message);
  }
  const { shape } = floats(WHO, 'x', x, [undefined, undefined, undefined]);
  const [batch, length, channels] = (last ? shape : [shape[0], shape[2], shape[1]]) as [number, number, number];
  const between = inputs.weight?.shape?.length === 3 ? [1] : [];
  const weight = floats(WHO, 'weight', inputs.weight, [channels, ...between, undefined]);
  const width = weight.shape.at(-1)!;
  if (channels === 0 || width === 0) {
    const message = `${WHO}: weight: expected at least one channel and one tap, got [${channels}, ${width}]`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  const state = initialState && floats(WHO, 'initialState', initialState, [batch, channels, width - 1]);
  const rows = last ? floatRows(x, batch * length, channels) : turned(x, batch, channels, length);
  const [y, lastState] = directBackend(inputs).call(
    'causal_conv1d',
    [
      rows,
      floatRows(weight, channels, width),
      uniform(batch, length),
      bias ? floatRows(floats(WHO, 'bias', bias, [channels]), channels, 1) : null,
      state ? floatRows(state, batch, channels * (width - 1)) : null,
    ],
    convAttributes({ channels, width, activation }, 0),
  );
  const out = y!.data as Float32Array;
  return {
    y: { data: last ? out : transpose(out, batch, length, channels), shape: [...shape] },
    lastState: { data: lastState!.data as Float32Array, shape: [batch, channels, width - 1] },
  };
}

function turned({ data }: FloatTensor, batch: number, channels: number, length: number) {
  return matrix(transpose(data, batch, channels, length), channels, batch * length);
}
