import { describe, expect, it } from 'vitest';
import type { WeightHandle } from '../../../lib/backend/backend.js';
import { ProgramBuilder, type SymbolicTensor } from '../../../lib/backend/program.js';

function apply(x: SymbolicTensor, ...others: SymbolicTensor[]): SymbolicTensor {
  return x.builder.apply('some_op', [x, ...others], {}, [{ dtype: x.dtype, columns: x.columns }])[0]!;
}

describe('ProgramBuilder', () => {
  it('numbers values in the order they are made', () => {
    const builder = new ProgramBuilder();
    const x = builder.input('x', 'float32', 3);
    const [a, b] = builder.apply('split', [x, undefined], { at: 1 }, [
      { dtype: 'float32', columns: 1 },
      { dtype: 'int32' },
    ]);
    builder.output('a', a!);
    builder.output('b', b!);
    expect(b).toMatchObject({ dtype: 'int32', columns: undefined });
    expect(builder.build().description).toEqual({
      values: 3,
      inputs: [{ name: 'x', id: 0, dtype: 'float32' }],
      weights: [],
      states: [],
      nodes: [{ op: 'split', inputs: [0, -1], outputs: [1, 2], attributes: { at: 1 } }],
      outputs: [
        { name: 'a', id: 1 },
        { name: 'b', id: 2 },
      ],
    });
  });

  it('declares a weight once', () => {
    const builder = new ProgramBuilder();
    const spec = { name: 'w', kind: 'matrix', dtype: 'float32', shape: [4, 3] } as const;
    const handle: WeightHandle = { spec, dispose() {} };
    const weight = builder.weight(handle);
    expect(builder.weight(handle)).toBe(weight);
    expect(weight).toMatchObject({ dtype: 'weight', columns: 3, weight: spec });
    expect(builder.build()).toMatchObject({ description: { weights: [{ id: 0, weight: 0 }] }, weights: [handle] });
  });

  it('records loops', () => {
    const builder = new ProgramBuilder();
    const count = builder.input('count', 'int32', 1);
    const x = builder.input('x', 'float32', 2);
    const [y] = builder.repeat(count, [x], (index, [carried]) => [apply(carried, index)]);
    builder.output('y', y);
    expect(y).toMatchObject({ dtype: 'float32', columns: 2 });
    expect(builder.build().description.nodes).toEqual([
      {
        op: 'repeat',
        inputs: [0, 1],
        outputs: [5],
        body: {
          index: 2,
          carriesIn: [3],
          carriesOut: [4],
          nodes: [{ op: 'some_op', inputs: [3, 2], outputs: [4], attributes: {} }],
        },
      },
    ]);
  });

  it('keeps values of a loop in the loop, but weights and states anywhere', () => {
    const builder = new ProgramBuilder();
    const count = builder.input('count', 'int32', 1);
    const x = builder.input('x', 'float32');
    let inner: SymbolicTensor | undefined;
    let state: SymbolicTensor | undefined;
    builder.repeat(count, [x], (_, [carried]) => {
      state = builder.state('cache', 'float32');
      inner = apply(carried, state);
      return [inner];
    });
    expect(() => apply(x, inner!)).toThrow("some_op: a tensor was given that exists only inside a loop's body");
    expect(() => apply(x, state!)).not.toThrow();
  });

  it('checks what a loop carries', () => {
    const builder = new ProgramBuilder();
    const count = builder.input('count', 'int32', 1);
    const x = builder.input('x', 'float32', 2);
    const ids = builder.input('ids', 'int32', 1);
    const other = builder.input('other', 'float32', 3);
    expect(() => builder.repeat(count, [x], () => [ids])).toThrow('repeat: carry 0: expected float32, got int32');
    expect(() => builder.repeat(count, [x], () => [other])).toThrow('repeat: carry 0: expected 2 columns, got 3');
    expect(() => builder.repeat(count, [x], (() => []) as never)).toThrow('expected 1 carried values, got 0');
    // A failed loop leaves the program as it was.
    builder.output('y', apply(x));
    expect(builder.build().description.nodes).toHaveLength(1);
  });

  it('refuses tensors of another program and names given twice', () => {
    const builder = new ProgramBuilder();
    const x = builder.input('x', 'float32');
    const stranger = new ProgramBuilder().input('x', 'float32');
    expect(() => apply(x, stranger)).toThrow('some_op: a tensor of another program was given');
    expect(() => builder.output('y', stranger)).toThrow('another program');
    expect(() => builder.input('x', 'int32')).toThrow("program: input 'x' is declared twice");
    builder.state('s', 'float32');
    expect(() => builder.state('s', 'float32')).toThrow("program: state 's' is declared twice");
    builder.output('y', x);
    expect(() => builder.output('y', x)).toThrow("program: output 'y' is declared twice");
  });
});
