import type { SymbolicTensor } from '../backend/program.js';
import { type Columns, columnView } from './attention.js';
import { expectColumnRange, expectInteger, expectMatrix, expectVector } from './record.js';

export interface LongConvInputs {
  /** float32 [rows, channels], or such columns of a wider tensor. Same for pre and post. */
  readonly x: Columns;
  /** float32 [lags, channels]: row s weighs the input s steps ago; behind the last row weights are 0. */
  readonly filter: SymbolicTensor;
  /** int32 [batch + 1]: series b owns the rows from offsets[b] to offsets[b + 1]. */
  readonly offsets: SymbolicTensor;
  /** float32 [channels]: weight of the skip connection. */
  readonly skip?: SymbolicTensor | undefined;
  /** Gate in front of the convolution and of the skip connection. */
  readonly pre?: Columns | undefined;
  /** Gate behind both. */
  readonly post?: Columns | undefined;
}

export interface LongConvOptions {
  readonly channels: number;
  /** What may be kept of the spectra of a filter that is a weight. Default 64 MiB; 0 keeps none. */
  readonly spectrumBytes?: number | undefined;
}

/** Spectra of 256 channels for series of up to 32,768 steps. */
const SPECTRUM_BYTES = 64 * 2 ** 20;

/**
 * Causal convolution over the whole of every series (Poli et al. 2023, "Hyena Hierarchy", arXiv 2302.10866, section 3),
 * for channel c and step t:
 *
 * u[t, c] = x[t, c] · pre[t, c]
 * y[t, c] = post[t, c] · (Σₛ filter[s, c] · u[t - s, c] + skip[c] · u[t, c]),   s from 0 to t
 *
 * → y float32 [rows, channels]. Time grows as L · log L and memory as L with the length L of a series. The spectra of a
 * filter that is a weight are kept with the program, one for each transform size; those of a computed filter are made anew
 * in every call. A NaN or infinity in a channel of x, pre or filter may reach every step of that channel of its series.
 */
export function longConv(inputs: LongConvInputs, options: LongConvOptions): SymbolicTensor {
  const op = 'long_conv';
  const { channels } = options;
  const { filter, offsets, skip } = inputs;
  const x = columnView(inputs.x);
  const pre = inputs.pre && columnView(inputs.pre);
  const post = inputs.post && columnView(inputs.post);
  const attributes = longConvAttributes(options, {
    xColumn: x.column,
    preColumn: pre?.column ?? 0,
    postColumn: post?.column ?? 0,
  });
  expectColumnRange(op, 'x', x, channels);
  if (pre) expectColumnRange(op, 'pre', pre, channels);
  if (post) expectColumnRange(op, 'post', post, channels);
  expectMatrix(op, 'filter', filter, channels, 'float32');
  expectVector(op, 'offsets', offsets, 'int32');
  if (skip) expectVector(op, 'skip', skip, 'float32', channels);
  const [y] = filter.builder.apply(op, [x.tensor, filter, offsets, skip, pre?.tensor, post?.tensor], attributes, [
    { dtype: 'float32', columns: channels },
  ]);
  return y!;
}

/** Where x, pre and post lie in their tensors. */
export interface LongConvPlaces {
  readonly xColumn: number;
  readonly preColumn: number;
  readonly postColumn: number;
}

/** All attributes of the operator, checked. */
export function longConvAttributes(options: LongConvOptions, places: LongConvPlaces) {
  const op = 'long_conv';
  const { channels, spectrumBytes = SPECTRUM_BYTES } = options;
  expectInteger(op, 'channels', channels);
  expectInteger(op, 'spectrumBytes', spectrumBytes, 0);
  return { channels, spectrumBytes, ...places };
}
