import { TidemergeError } from '../../errors.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { silu, softplus } from './special.js';
import { float32, shapeText } from './value.js';

/** Reads column j of row i, whatever else the rows hold. */
type Read = (i: number, j: number) => number;

export const ssdScan: ReferenceOperator = {
  inputs: [6, 10],
  outputs: 2,
  attributes: {
    heads: 'integer',
    headDim: 'integer',
    states: 'integer',
    groups: 'integer',
    softplus: 'boolean',
    dtMin: 'number',
    dtMax: 'number',
    xColumn: 'integer',
    dtColumn: 'integer',
    bColumn: 'integer',
    cColumn: 'integer',
    zColumn: 'integer',
  },
  check({ heads, groups, dtMin, dtMax }) {
    const fail = (name: string, expected: string, got: unknown) => {
      const message = `ssd_scan: attribute ${name}: expected ${expected}, got ${got}`;
      return new TidemergeError('ERR_INVALID_ARGUMENT', message);
    };
    if ((heads as number) % (groups as number) !== 0) throw fail('groups', `a divisor of ${heads} heads`, groups);
    if (!((dtMin as number) <= (dtMax as number))) throw fail('dtMax', `at least dtMin ${dtMin}`, dtMax);
  },
  run(call) {
    const [heads, headDim, states] = [call.number('heads'), call.number('headDim'), call.number('states')];
    const channels = heads * headDim;
    const { rows } = call.input(0, 'x', 'float32');
    const offsets = call.offsets(5, 'offsets', rows);
    const x = columns(call, 0, 'x', rows, channels);
    const dt = steps(call, rows, heads);
    const A = call.floats(2, 'A', heads);
    const width = call.number('groups') * states;
    const B = columns(call, 3, 'b', rows, width);
    const C = columns(call, 4, 'c', rows, width);
    const D = call.has(6) ? call.list(6, 'D') : undefined;
    if (D && D.length !== heads) call.floats(6, 'D', channels);
    const z = call.has(7) ? columns(call, 7, 'z', rows, channels) : undefined;
    const batch = offsets.length - 1;
    const s = call.has(9)
      ? call.shaped(9, 'initialState', batch, channels * states, 'float32').data.slice()
      : new Float64Array(batch * channels * states);
    const y = float32(rows, channels);
    for (let b = 0; b < batch; b++) {
      for (let t = offsets[b]!; t < offsets[b + 1]!; t++) {
        for (let c = 0; c < channels; c++) {
          const head = Math.floor(c / headDim);
          const group = Math.floor((head * call.number('groups')) / heads) * states;
          const decay = Math.exp(dt(t, head) * A[head]!);
          let sum = D ? D[D.length === heads ? head : c]! * x(t, c) : 0;
          for (let n = 0; n < states; n++) {
            const at = (b * channels + c) * states + n;
            s[at] = decay * s[at]! + dt(t, head) * x(t, c) * B(t, group + n);
            sum += C(t, group + n) * s[at]!;
          }
          y.data[t * channels + c] = z ? sum * silu(z(t, c)) : sum;
        }
      }
    }
    return [y, float32(batch, channels * states, s)];
  },
};

/** Step sizes behind bias, softplus and limits. */
function steps(call: Call, rows: number, heads: number): Read {
  const raw = columns(call, 1, 'dt', rows, heads);
  const bias = call.has(8) ? call.floats(8, 'dtBias', heads) : undefined;
  const [least, most] = [call.number('dtMin'), call.number('dtMax')];
  return (t, head) => {
    const shifted = raw(t, head) + (bias?.[head] ?? 0);
    return Math.min(Math.max(call.boolean('softplus') ? softplus(shifted) : shifted, least), most);
  };
}

/** The columns of an input from its attribute `…Column` on. */
function columns(call: Call, i: number, name: string, rows: number, width: number): Read {
  const { data, ...value } = call.input(i, name, 'float32');
  const from = call.number(`${name}Column`);
  if (value.rows !== rows || value.cols < from + width) {
    throw call.error('ERR_INVALID_SHAPE', name, `[${rows}, at least ${from + width}]`, shapeText(value));
  }
  return (row, j) => data[row * value.cols + from + j]!;
}
