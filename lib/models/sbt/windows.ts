import { matrix } from '../../tensor/tensor.js';
import type { Inputs } from '../model-host.js';
import type { NewestWay } from './newest-way.js';

/** Windows over rows of samples: window b is `length` rows from row starts[b], with row `newest[b]` as its last step. */
export interface Windows {
  readonly starts: Int32Array;
  readonly newest: Int32Array;
  /** Steps, the newest one included. */
  readonly length: number;
}

/** Windows at every row from 0, each one step after the other, as detection has them. */
export function slidingWindows(count: number, length: number): Windows {
  const starts = multiples(count, 1);
  return { starts, newest: starts.map((start) => start + length - 1), length };
}

/** Windows one behind the other. */
export function separateWindows(count: number, length: number): Windows {
  const starts = multiples(count, length);
  return { starts, newest: starts.map((start) => start + length - 1), length };
}

/** Windows of length - 1 known steps one behind the other, whose newest step is the row behind all of them: a blank. */
export function blankWindows(count: number, length: number): Windows {
  const starts = multiples(count, length - 1);
  return { starts, newest: new Int32Array(count).fill(count * (length - 1)), length };
}

/** The inputs of the program of that way, but for the samples. */
export function windowInputs(way: NewestWay, windows: Windows): Inputs {
  const { newest, length } = windows;
  const count = newest.length;
  const steps = (of: number) => multiples(count + 1, of);
  if (way === 'full') {
    return {
      rows: matrix(rowsOfWindows(windows, true)),
      rowsPositions: matrix(places(count, length)),
      rowsOffsets: matrix(steps(length)),
      newestRows: matrix(
        steps(length)
          .subarray(0, count)
          .map((row) => row + length - 1),
      ),
      newestOffsets: matrix(steps(1)),
    };
  }
  const inputs = {
    past: matrix(rowsOfWindows(windows, false)),
    pastPositions: matrix(places(count, length - 1)),
    pastOffsets: matrix(steps(length - 1)),
    newest: matrix(newest),
    newestPositions: matrix(new Int32Array(count).fill(length - 1)),
    newestOffsets: matrix(steps(1)),
  };
  if (way !== 'mixed') return inputs;
  const all = separateWindows(count, length);
  return { ...inputs, pastRows: matrix(rowsOfWindows(all, false)), newestRows: matrix(all.newest) };
}

/** The sample of every row of every window. */
function rowsOfWindows({ starts, newest, length }: Windows, withNewest: boolean): Int32Array {
  const size = withNewest ? length : length - 1;
  const rows = new Int32Array(starts.length * size);
  for (const [b, start] of starts.entries()) {
    for (let i = 0; i < length - 1; i++) rows[b * size + i] = start + i;
    if (withNewest) rows[(b + 1) * size - 1] = newest[b]!;
  }
  return rows;
}

function places(count: number, length: number): Int32Array {
  const out = new Int32Array(count * length);
  for (let begin = 0; begin < out.length; begin += length) {
    for (let i = 0; i < length; i++) out[begin + i] = i;
  }
  return out;
}

/** 0, of, 2 of …: a loop, since Int32Array.from takes tens of times as long. */
function multiples(count: number, of: number): Int32Array {
  const out = new Int32Array(count);
  for (let i = 0; i < count; i++) out[i] = i * of;
  return out;
}
