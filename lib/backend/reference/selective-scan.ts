import { TidemergeError } from '../../errors.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { silu, softplus } from './special.js';
import { float32 } from './value.js';

/** Reads column j of row i, whatever else the rows hold. */
type Read = (i: number, j: number) => number;

export const selectiveScan: ReferenceOperator = {
  inputs: [6, 10],
  outputs: 2,
  attributes: {
    channels: 'integer',
    states: 'integer',
    softplus: 'boolean',
    uColumn: 'integer',
    deltaColumn: 'integer',
    zColumn: 'integer',
    bGroups: 'integer',
    bColumn: 'integer',
    cGroups: 'integer',
    cColumn: 'integer',
  },
  options: { channelsFirst: 'boolean' },
  check({ channels, bGroups, cGroups }) {
    const [b, c] = [bGroups as number, cGroups as number];
    for (const groups of [b, c]) {
      if (groups !== 0 && (channels as number) % groups !== 0) throw wrongGroups(`a divisor of ${channels}`, groups);
    }
    if (b > 1 && c > 1 && b !== c) throw wrongGroups(`${b} like those of B`, c);
  },
  run(call) {
    const channels = call.number('channels');
    const states = call.number('states');
    const { rows, offsets, sequence, place, y } = sequences(call, channels);
    const u = sequence(0, 'u');
    const delta = sequence(1, 'delta');
    const A = call.shaped(2, 'A', channels, states, 'float32').data;
    const B = factor(call, 3, 'B', rows, call.number('bGroups'), call.number('bColumn'));
    const C = factor(call, 4, 'C', rows, call.number('cGroups'), call.number('cColumn'));
    const D = call.has(6) ? call.floats(6, 'D', channels) : undefined;
    const z = call.has(7) ? sequence(7, 'z') : undefined;
    const bias = call.has(8) ? call.floats(8, 'deltaBias', channels) : undefined;
    const soft = call.boolean('softplus');
    const batch = offsets.length - 1;
    const h = call.has(9)
      ? call.shaped(9, 'initialState', batch, channels * states, 'float32').data.slice()
      : new Float64Array(batch * channels * states);
    for (let b = 0; b < batch; b++) {
      for (let t = offsets[b]!; t < offsets[b + 1]!; t++) {
        for (let c = 0; c < channels; c++) {
          const shifted = delta(t, c) + (bias?.[c] ?? 0);
          const dt = soft ? softplus(shifted) : shifted;
          let sum = D ? D[c]! * u(t, c) : 0;
          for (let n = 0; n < states; n++) {
            const at = (b * channels + c) * states + n;
            h[at] = Math.exp(dt * A[c * states + n]!) * h[at]! + dt * u(t, c) * B(t, c, n);
            sum += C(t, c, n) * h[at]!;
          }
          y.data[place(t, c)] = z ? sum * silu(z(t, c)) : sum;
        }
      }
    }
    return [y, float32(batch, channels * states, h)];
  },
};

/** How u, delta, z and y lie: a step's channels in a row, or a channel's steps. `rows` are steps of all series. */
function sequences(call: Call, channels: number) {
  const first = call.input(0, 'u', 'float32');
  if (!call.boolean('channelsFirst', false)) {
    const { rows } = first;
    const sequence = (i: number, name: string) => columns(call, i, name, rows, call.number(`${name}Column`), channels);
    const place = (t: number, c: number) => t * channels + c;
    return { rows, offsets: call.offsets(5, 'offsets', rows), sequence, place, y: float32(rows, channels) };
  }
  const length = first.cols;
  const place = (t: number, c: number) => (Math.floor(t / length) * channels + c) * length + (t % length);
  const rows = Math.floor(first.rows / channels) * length;
  const offsets = call.offsets(5, 'offsets', rows);
  const odd = offsets.find((offset, b) => offset !== b * length);
  if (odd !== undefined) throw call.error('ERR_INVALID_ARGUMENT', 'offsets', `multiples of ${length}`, odd);
  const height = (offsets.length - 1) * channels;
  const sequence = (i: number, name: string): Read => {
    const { data } = call.shaped(i, name, height, length, 'float32');
    return (t, c) => data[place(t, c)]!;
  };
  return { rows, offsets, sequence, place, y: float32(height, length) };
}

function columns(call: Call, i: number, name: string, rows: number, from: number, width: number): Read {
  const { data, ...value } = call.input(i, name, 'float32');
  if (value.rows !== rows || value.cols < from + width) {
    const expected = `[${rows}, at least ${from + width}]`;
    throw call.error('ERR_INVALID_SHAPE', name, expected, `[${value.rows}, ${value.cols}]`);
  }
  return (row, j) => data[row * value.cols + from + j]!;
}

/** B or C at a step, for a channel and a state. */
function factor(call: Call, i: number, name: string, rows: number, groups: number, column: number) {
  const channels = call.number('channels');
  const states = call.number('states');
  if (groups === 0) {
    const { data } = call.shaped(i, name, channels, states, 'float32');
    return (_: number, c: number, n: number) => data[c * states + n]!;
  }
  const read = columns(call, i, name, rows, column, groups * states);
  return (t: number, c: number, n: number) => read(t, Math.floor((c * groups) / channels) * states + n);
}

function wrongGroups(expected: string, got: number): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `selective_scan: groups: expected ${expected}, got ${got}`);
}
