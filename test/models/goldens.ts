import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { openSafetensors } from '../../lib/io/safetensors.js';

/*
 * Goldens of the official implementations: inputs and outputs by name, `<case>.<tensor>`.
 */

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

export function fixture(...parts: string[]): string {
  return join(root, 'test', 'fixtures', ...parts);
}

export interface Golden {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

export interface GoldenFile {
  readonly metadata: (key: string) => unknown;
  /** By name: what the file says of its cases. */
  cases<Case>(): [name: string, one: Case][];
  get(name: string): Golden;
  has(name: string): boolean;
  floats(name: string): { data: Float32Array; shape: readonly number[] };
  integers(name: string): { data: Int32Array; shape: readonly number[] };
}

/** A file under test/fixtures. */
export function readGoldens(...parts: string[]): GoldenFile {
  return readGoldenFile(fixture(...parts));
}

export function readGoldenFile(path: string): GoldenFile {
  const store = openSafetensors(path);
  const all = new Map<string, Golden>();
  for (const name of store.names()) {
    const { data, shape } = store.read(name);
    all.set(name, {
      data: data instanceof BigInt64Array ? Int32Array.from(data, Number) : (data as Float32Array),
      shape,
    });
  }
  const metadata = new Map(store.metadata);
  store.close();
  const read = (key: string) => JSON.parse(metadata.get(key) ?? 'null') as unknown;
  const get = (name: string): Golden => {
    const tensor = all.get(name);
    if (!tensor) throw new Error(`${path}: no tensor ${name}`);
    return tensor;
  };
  return {
    metadata: read,
    cases: <Case>() => Object.entries(read('cases') as Record<string, Case>),
    get,
    has: (name) => all.has(name),
    floats: (name) => get(name) as { data: Float32Array; shape: readonly number[] },
    integers: (name) => get(name) as { data: Int32Array; shape: readonly number[] },
  };
}

/** The series of a case as the rows of `context` without the padding in front. */
export function seriesOf(goldens: GoldenFile, name: string): Float32Array[] {
  const { data, shape } = goldens.floats(`${name}.context`);
  const lengths = goldens.integers(`${name}.lengths`).data;
  const time = shape[1] as number;
  return Array.from(lengths, (length, i) => data.slice((i + 1) * time - length, (i + 1) * time));
}

/**
 * Rows of `width` numbers differ by at most `tolerance` times the expected row's largest magnitude. Returns the worst
 * ratio. Rows whose mask is 0 are not looked at.
 */
export function expectRows(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  width: number,
  tolerance: number,
  mask?: ArrayLike<number>,
): number {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  let worst = 0;
  for (let row = 0; row * width < expected.length; row++) {
    if (mask && !mask[row]) continue;
    let largest = 0;
    let difference = 0;
    for (let i = row * width; i < (row + 1) * width; i++) {
      const e = expected[i] as number;
      const a = actual[i] as number;
      if (Number.isNaN(e) && Number.isNaN(a)) continue;
      if (!Number.isFinite(a)) expect.fail(`${what}: ${a} at ${i}, expected ${e}`);
      largest = Math.max(largest, Math.abs(e));
      difference = Math.max(difference, Math.abs(e - a));
    }
    if (difference > tolerance * largest) {
      expect.fail(`${what}: row ${row}: off by ${difference}, allowed ${tolerance} * ${largest}`);
    }
    if (largest > 0) worst = Math.max(worst, difference / largest);
  }
  return worst;
}

/** Rows as above, and the shape of the tensors they are of. */
export function expectTensorRows(
  what: string,
  actual: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  expected: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  width: number,
  tolerance: number,
  mask?: ArrayLike<number>,
): number {
  expect(actual.shape, `${what}: shape`).toEqual(expected.shape);
  return expectRows(what, actual.data, expected.data, width, tolerance, mask);
}

/** The folder with larger goldens, which is no part of the repository; undefined, said loudly, where it is absent. */
export function sharedFolder(suite: string): string | undefined {
  const path = process.env.TIDEMERGE_SHARED ?? resolve(root, '..', 'shared');
  if (existsSync(path)) return path;
  console.warn(`SKIPPED: ${suite}: the folder of shared goldens is not there: ${path} (set TIDEMERGE_SHARED)`);
  return undefined;
}
