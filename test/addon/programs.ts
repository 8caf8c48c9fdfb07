import type { Backend, ProgramHandle } from '../../lib/backend/backend.js';
import { ProgramBuilder } from '../../lib/backend/program.js';
import { add } from '../../lib/ops/elementwise.js';
import { matrix, type TensorData } from '../../lib/tensor/tensor.js';

export const column = (...values: number[]): TensorData => matrix(Float32Array.from(values));

/** A [rows, 1] column of the numbers 0, 1, 2 … */
export const counted = (rows: number): TensorData => matrix(Float32Array.from({ length: rows }, (_, i) => i));

/** Turns of a loop that ends only when it is stopped. */
export const ENDLESS = 2 ** 30;

/** y = x doubled `count` times. */
export function doubling(backend: Backend): ProgramHandle {
  const builder = new ProgramBuilder();
  const count = builder.input('count', 'int32', 1);
  const x = builder.input('x', 'float32', 1);
  const [y] = builder.repeat(count, [x], (_, [carried]) => [add(carried, carried)]);
  builder.output('y', y);
  const { description, weights } = builder.build();
  return backend.createProgram(description, weights);
}

/** sum = x + y */
export function adding(backend: Backend): ProgramHandle {
  const builder = new ProgramBuilder();
  const x = builder.input('x', 'float32', 1);
  const y = builder.input('y', 'float32', 1);
  builder.output('sum', add(x, y));
  const { description, weights } = builder.build();
  return backend.createProgram(description, weights);
}

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Until the run before has surely begun: the loop has turned, and some milliseconds have passed. */
export const later = (milliseconds = 10): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The description `doubling` records, for those who call the addon itself. */
export const DOUBLING = {
  values: 6,
  inputs: [
    { name: 'count', id: 0, dtype: 'int32' },
    { name: 'x', id: 1, dtype: 'float32' },
  ],
  weights: [],
  states: [],
  nodes: [
    {
      op: 'repeat',
      inputs: [0, 1],
      outputs: [5],
      body: {
        index: 2,
        carriesIn: [3],
        carriesOut: [4],
        nodes: [{ op: 'add', inputs: [3, 3], outputs: [4], attributes: {} }],
      },
    },
  ],
  outputs: [{ name: 'y', id: 5 }],
} as const;
