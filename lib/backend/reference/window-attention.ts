import { attend, dot, expectHeads, score } from './attention.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { type FloatValue, float32 } from './value.js';

/** States are [2 · past + 1, numHeads · headDim], a row per place; when all are taken, the window moves to the front. */
export const windowAttention: ReferenceOperator = {
  inputs: [6, 6],
  outputs: 1,
  attributes: {
    numHeads: 'integer',
    headDim: 'integer',
    scale: 'number',
    past: 'integer',
    queryColumn: 'integer',
    keyColumn: 'integer',
    valueColumn: 'integer',
  },
  run(call) {
    const numHeads = call.number('numHeads');
    const headDim = call.number('headDim');
    const past = call.number('past');
    const width = numHeads * headDim;
    const query = rowOf(call, 0, 'query', 0);
    const key = rowOf(call, 1, 'key', 1);
    const value = rowOf(call, 2, 'value', 1);
    const place = call.scalar(5, 'place', 0);
    const places = 2 * past + 1;
    if (place > places) throw call.error('ERR_INVALID_ARGUMENT', 'place', `at most ${places}`, place);
    const keys = stateOf(call, 3, 'keyState', place, width);
    const values = stateOf(call, 4, 'valueState', place, width);
    const at = place === places ? past : place;
    if (place === places) for (const { data } of [keys, values]) data.copyWithin(0, (places - past) * width);
    const count = Math.min(place, past);
    const y = float32(2, width);
    for (let h = 0; h < numHeads; h++) {
      const head = (data: Float64Array) => ({ data, stride: width, column: h * headDim });
      const scores = Array.from({ length: count }, (_, j) =>
        score(call.number('scale'), () => dot(head(query), 0, head(keys.data), at - count + j, headDim), 0),
      );
      attend(scores, head(values.data), at - count, y.data.subarray(h * headDim, (h + 1) * headDim));
    }
    y.data.set(value, width);
    keys.data.set(key, at * width);
    values.data.set(value, at * width);
    return [y];
  },
};

/** One of the two rows of an input. */
function rowOf(call: Call, i: number, name: 'query' | 'key' | 'value', row: number): Float64Array {
  const input = call.input(i, name, 'float32');
  const column = call.number(`${name}Column`);
  expectHeads(call, name, input, column);
  if (input.rows !== 2) throw call.error('ERR_INVALID_SHAPE', name, '2 rows', input.rows);
  const start = row * input.cols + column;
  return input.data.subarray(start, start + call.number('numHeads') * call.number('headDim'));
}

function stateOf(call: Call, i: number, name: string, place: number, width: number): FloatValue {
  const slot = call.state(i, name);
  const places = 2 * call.number('past') + 1;
  if (place === 0) slot.value = float32(places, width);
  const { value } = slot;
  if (value.dtype === 'float32' && value.rows === places && value.cols === width) return value as FloatValue;
  const expected = `[${places}, ${width}] as at place 0`;
  throw call.error('ERR_INVALID_SHAPE', name, expected, `[${value.rows}, ${value.cols}]`);
}
