import { attend, distanceBiasOf, dot, expectHeads, score } from './attention.js';
import type { Call } from './call.js';
import type { ReferenceOperator } from './operator.js';
import { type FloatValue, float32 } from './value.js';

/** States are [rows · capacity, numHeads · headDim]: the places of a row one after the other. */
export const cachedAttention: ReferenceOperator = {
  inputs: [7, 8],
  outputs: 1,
  attributes: {
    numHeads: 'integer',
    headDim: 'integer',
    scale: 'number',
    queryColumn: 'integer',
    keyColumn: 'integer',
    valueColumn: 'integer',
  },
  run(call) {
    const numHeads = call.number('numHeads');
    const headDim = call.number('headDim');
    const width = numHeads * headDim;
    const query = call.input(0, 'query', 'float32');
    expectHeads(call, 'query', query, call.number('queryColumn'));
    const step = call.scalar(5, 'step', 0);
    const keys = append(call, 1, 'key', query.rows, step);
    const values = append(call, 2, 'value', query.rows, step);
    const capacity = keys.rows / Math.max(query.rows, 1);
    const bias = distanceBiasOf(call, 7, numHeads);
    const y = float32(query.rows, width);
    for (let r = 0; r < query.rows; r++) {
      for (let h = 0; h < numHeads; h++) {
        const queryHead = { data: query.data, stride: query.cols, column: call.number('queryColumn') + h * headDim };
        const keyHead = { data: keys.data, stride: width, column: h * headDim };
        const valueHead = { data: values.data, stride: width, column: h * headDim };
        const scores = Array.from({ length: step + 1 }, (_, place) =>
          score(
            call.number('scale'),
            () => dot(queryHead, r, keyHead, r * capacity + place, headDim),
            bias(h, place - step),
          ),
        );
        const at = r * width + h * headDim;
        attend(scores, valueHead, r * capacity, y.data.subarray(at, at + headDim));
      }
    }
    return [y];
  },
};

/** Writes the newest keys (input 1) or values (input 2) at place `step` of their state; gives the state's content. */
function append(call: Call, i: 1 | 2, name: 'key' | 'value', rows: number, step: number): FloatValue {
  const width = call.number('numHeads') * call.number('headDim');
  const column = call.number(`${name}Column`);
  const newest = call.input(i, name, 'float32');
  expectHeads(call, name, newest, column);
  if (newest.rows !== rows) throw call.error('ERR_INVALID_SHAPE', name, `${rows} rows`, newest.rows);
  const slot = call.state(i + 2, `${name}State`);
  const capacity = call.scalar(6, 'capacity', 1);
  if (step >= capacity) throw call.error('ERR_INVALID_ARGUMENT', 'step', `less than capacity ${capacity}`, step);
  if (step === 0) slot.value = float32(rows * capacity, width);
  const state = slot.value as FloatValue;
  if (state.rows !== rows * capacity || state.cols !== width) {
    const expected = `[${rows * capacity}, ${width}] as at step 0`;
    throw call.error('ERR_INVALID_SHAPE', `${name}State`, expected, `[${state.rows}, ${state.cols}]`);
  }
  if (step !== 0 && step !== slot.places) {
    throw call.error('ERR_INVALID_ARGUMENT', 'step', `${slot.places}, the first place that is empty`, step);
  }
  slot.places = step + 1;
  for (let r = 0; r < rows; r++) {
    const start = r * newest.cols + column;
    state.data.set(newest.data.subarray(start, start + width), (r * capacity + step) * width);
  }
  return state;
}
