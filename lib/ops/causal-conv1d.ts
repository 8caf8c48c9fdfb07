import type { SymbolicTensor } from '../backend/program.js';
import { TidemergeError } from '../errors.js';
import { type Columns, columnView } from './attention.js';
import { expectDType, expectInteger, expectMatrix, expectVector } from './record.js';

export interface CausalConv1dInputs {
  /** float32 [rows, channels], or such columns of a wider tensor. */
  readonly x: Columns;
  /** float32 [channels, width]: the last tap is that of the newest input. */
  readonly weight: SymbolicTensor;
  /** int32 [batch + 1]: series b owns the rows from offsets[b] to offsets[b + 1]. */
  readonly offsets: SymbolicTensor;
  /** float32 [channels] */
  readonly bias?: SymbolicTensor | undefined;
  /** float32 [batch, channels · (width - 1)]: the inputs before the first of every channel, oldest first; else zeros. */
  readonly initialState?: SymbolicTensor | undefined;
}

export interface CausalConv1dOptions {
  readonly channels: number;
  readonly width: number;
  readonly activation: ConvActivation;
}

export type ConvActivation = 'none' | 'silu';

/**
 * Causal depthwise convolution inside every series (the short filter of Mamba; Gu and Dao 2023, section 3.4):
 * y[t, c] = activation(bias[c] + Σₖ weight[c, k] · x[t - (width - 1) + k, c])
 *
 * → y float32 [rows, channels] and lastState float32 [batch, channels · (width - 1)], the last inputs of every series.
 */
export function causalConv1d(
  inputs: CausalConv1dInputs,
  options: CausalConv1dOptions,
): { readonly y: SymbolicTensor; readonly lastState: SymbolicTensor } {
  const op = 'causal_conv1d';
  const { channels, width } = options;
  const { weight, offsets, bias, initialState } = inputs;
  const { tensor, column } = columnView(inputs.x);
  const attributes = convAttributes(options, column);
  expectDType(op, 'x', tensor, 'float32');
  if (tensor.columns !== undefined && tensor.columns < column + channels) {
    const message = `${op}: x: expected at least ${column + channels} columns, got ${tensor.columns}`;
    throw new TidemergeError('ERR_INVALID_SHAPE', message);
  }
  expectMatrix(op, 'weight', weight, width, 'float32');
  expectVector(op, 'offsets', offsets, 'int32');
  if (bias) expectVector(op, 'bias', bias, 'float32', channels);
  if (initialState) expectMatrix(op, 'initialState', initialState, channels * (width - 1), 'float32');
  const [y, lastState] = tensor.builder.apply(op, [tensor, weight, offsets, bias, initialState], attributes, [
    { dtype: 'float32', columns: channels },
    { dtype: 'float32', columns: channels * (width - 1) },
  ]);
  return { y: y!, lastState: lastState! };
}

/** All attributes of the operator, checked. */
export function convAttributes({ channels, width, activation }: CausalConv1dOptions, xColumn: number) {
  const op = 'causal_conv1d';
  expectInteger(op, 'channels', channels);
  expectInteger(op, 'width', width);
  expectInteger(op, 'x column', xColumn, 0);
  return { channels, width, xColumn, activation };
}
