import { readFileSync } from 'node:fs';
import { selectiveScan } from 'tidemerge/ops';
import * as baseline from './baselines/scan.js';
import { type Backend, matrix, ProgramBuilder, recordSelectiveScan, type WeightSpec } from './internals.js';

/*
 * One size of the selective scan, in the ways it is measured. Names are "channels steps batch".
 */

export const D_STATE = 16;

export interface ScanCase {
  readonly dInner: number;
  readonly length: number;
  readonly batch: number;
}

export const nameOf = ({ dInner, length, batch }: ScanCase) => `${dInner} ${length} ${batch}`;

export function caseOf(name: string): ScanCase {
  const [dInner, length, batch] = name.split(' ').map(Number) as [number, number, number];
  return { dInner, length, batch };
}

/** Normal numbers that the arrays of a case are made of. */
export const numbersOf = ({ dInner, length, batch }: ScanCase) =>
  (3 * dInner + 2 * D_STATE) * length * batch + 2 * dInner;

/** Numbers as Mamba is initialised: A[c, n] = -(n + 1), step sizes from 0.001 to 0.1. Like peers/torch_scan.py. */
export function arraysOf(numbers: Float32Array, { dInner, length, batch }: ScanCase): baseline.ScanArrays {
  let at = 0;
  const take = (count: number, deviation = 1, mean = 0) => {
    at += count;
    return numbers.slice(at - count, at).map((value) => deviation * value + mean);
  };
  const [wide, narrow] = [length * batch * dInner, length * batch * D_STATE];
  return {
    u: take(wide),
    delta: take(wide, 0.5),
    z: take(wide),
    B: take(narrow),
    C: take(narrow),
    D: take(dInner, 0.1, 1),
    deltaBias: take(dInner, 1, -4),
    A: Float32Array.from({ length: dInner * D_STATE }, (_, i) => -((i % D_STATE) + 1)),
  };
}

export function readNumbers(file: string, count: number): Float32Array {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, count);
}

/** One scan inside a program whose arrays are there already, as in a model. */
export async function scanAlone(backend: Backend, arrays: baseline.ScanArrays, size: ScanCase) {
  const { dInner, length, batch } = size;
  const builder = new ProgramBuilder();
  const weight = async (name: keyof baseline.ScanArrays, cols: number) => {
    const data = arrays[name];
    const spec: WeightSpec = { name, kind: 'vector', dtype: 'float32', shape: [data.length / cols, cols], data };
    return builder.weight(await backend.createWeight(spec));
  };
  const [u, delta, z] = [await weight('u', dInner), await weight('delta', dInner), await weight('z', dInner)];
  const [B, C, A] = [await weight('B', D_STATE), await weight('C', D_STATE), await weight('A', D_STATE)];
  const [D, deltaBias] = [await weight('D', 1), await weight('deltaBias', 1)];
  const factor = (varying: typeof B) => ({ varying, groups: 1 });
  const offsets = builder.input('offsets', 'int32', 1);
  const { lastState } = recordSelectiveScan(
    { u, delta, z, A, B: factor(B), C: factor(C), D, deltaBias, offsets },
    { dInner, dState: D_STATE, deltaSoftplus: true },
  );
  builder.output('lastState', lastState);
  const { description, weights } = builder.build();
  const program = backend.createProgram(description, weights);
  const session = program.createSession();
  const inputs = { offsets: matrix(Int32Array.from({ length: batch + 1 }, (_, b) => b * length)) };
  return {
    run: () => session.run(inputs),
    dispose() {
      session.dispose();
      program.dispose();
      for (const handle of weights) handle.dispose();
    },
  };
}

/** The published function, which brings inputs in and y out. */
export function scanCall(backend: Backend, arrays: baseline.ScanArrays, { dInner, length, batch }: ScanCase) {
  const rows = (data: Float32Array, width: number) => ({ data, shape: [batch, length, width] });
  const { u, delta, z, A, B, C, D, deltaBias } = arrays;
  return () =>
    selectiveScan({
      ...{ u: rows(u, dInner), delta: rows(delta, dInner), z: rows(z, dInner) },
      ...{ B: rows(B, D_STATE), C: rows(C, D_STATE), A: { data: A, shape: [dInner, D_STATE] } },
      ...{ D: { data: D, shape: [dInner] }, deltaBias: { data: deltaBias, shape: [dInner] } },
      ...{ deltaSoftplus: true, layout: 'channelsLast', backend },
    });
}

/** The same in tuned JavaScript, sequence by sequence. */
export function scanInJavaScript(arrays: baseline.ScanArrays, { dInner, length, batch }: ScanCase): () => Float32Array {
  const y = new Float32Array(arrays.u.length);
  const part = <A extends Float32Array>(data: A, b: number, width: number) =>
    data.subarray(b * length * width, (b + 1) * length * width) as A;
  const series = Array.from({ length: batch }, (_, b) => ({
    ...arrays,
    ...{ u: part(arrays.u, b, dInner), delta: part(arrays.delta, b, dInner), z: part(arrays.z, b, dInner) },
    ...{ B: part(arrays.B, b, D_STATE), C: part(arrays.C, b, D_STATE) },
  }));
  return () => {
    for (const [b, one] of series.entries()) baseline.selectiveScan(one, part(y, b, dInner));
    return y;
  };
}
