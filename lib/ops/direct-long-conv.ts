import { TidemergeError } from '../errors.js';
import { matrix, type Tensor, type TensorData } from '../tensor/tensor.js';
import { type FloatTensor, floats } from '../tensor/user-tensors.js';
import { type DirectOptions, directBackend } from './direct-backend.js';
import { floatRows, uniform } from './direct-ragged.js';
import { longConvAttributes } from './long-conv.js';
import { type SequenceLayout, sequenceLayout } from './sequence-layout.js';
import { transpose } from './transpose.js';

export interface LongConvOptions extends DirectOptions {
  /** [channels]: adds D · u to the convolution. */
  readonly D?: FloatTensor | undefined;
  /** Shape of u: u is multiplied by it first. */
  readonly pre?: FloatTensor | undefined;
  /** Shape of u: multiplies the output. */
  readonly post?: FloatTensor | undefined;
  /** Of u, k, pre, post and y. Default 'channelsFirst'. */
  readonly layout?: SequenceLayout | undefined;
}

const WHO = 'longConv';

/**
 * Long convolution of Hyena (Poli et al. 2023, arXiv 2302.10866), with the meaning of `fftconv` of HazyResearch/hyena-dna:
 * y[b, c, t] = Σₛ k[c, s] · u[b, c, t - s] + D[c] · u[b, c, t], s from 0 to t. u is [batch, channels, length], k is
 * [channels, lags] (with channelsLast [batch, length, channels] and [lags, channels]); behind its last lag a filter is 0,
 * and lags that no step reaches are not used. y has the shape of u.
 *
 * Time grows as length · log(length), memory as the length. Sums are as exact as float32 is relative to the norms of a
 * channel's u and k, not to single outputs. A NaN or infinity in a channel may reach all of that channel and sequence.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_INVALID_SHAPE, ERR_INVALID_DTYPE, ERR_DETACHED_BUFFER.
 */
export function longConv(u: FloatTensor, k: FloatTensor, options: LongConvOptions = {}): Tensor<Float32Array> {
  const last = sequenceLayout(WHO, options.layout) === 'channelsLast';
  const { shape } = floats(WHO, 'u', u, [undefined, undefined, undefined]);
  const [batch, length, channels] = (last ? shape : [shape[0], shape[2], shape[1]]) as [number, number, number];
  if (channels === 0) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `${WHO}: u: expected at least one channel, got 0`);
  }
  const filter = floats(WHO, 'k', k, last ? [undefined, channels] : [channels, undefined]);
  const lags = filter.shape[last ? 0 : 1]!;
  const rows = (tensor: FloatTensor) => timeMajor(tensor, batch, length, channels, last);
  const gate = (name: string, tensor: FloatTensor | undefined) =>
    tensor ? rows(floats(WHO, name, tensor, [...shape])) : null;
  const { D } = options;
  const [y] = directBackend(options).call(
    'long_conv',
    [
      rows(u),
      timeMajor(filter, 1, lags, channels, last),
      uniform(batch, length),
      D ? floatRows(floats(WHO, 'D', D, [channels]), channels, 1) : null,
      gate('pre', options.pre),
      gate('post', options.post),
    ],
    longConvAttributes({ channels, spectrumBytes: 0 }, { xColumn: 0, preColumn: 0, postColumn: 0 }),
  );
  const out = y!.data as Float32Array;
  return { data: last ? out : transpose(out, batch, length, channels), shape: [...shape] };
}

/** Rows of channels, one for each step. */
function timeMajor(tensor: FloatTensor, batch: number, length: number, channels: number, last: boolean): TensorData {
  if (last) return floatRows(tensor, batch * length, channels);
  return matrix(transpose(tensor.data, batch, channels, length), channels, batch * length);
}
