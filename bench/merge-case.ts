import { readFileSync } from 'node:fs';
import type { Merged, MergeShape } from './baselines/merge.js';
import { type Backend, matrix, ProgramBuilder, recordMergeTokens } from './internals.js';
import { ROUNDOFF } from './numbers.js';

/*
 * One merge of one series, removing a quarter of its tokens: how it is named, run natively, and how a result is checked.
 */

export type Neighbourhood = number | 'global';

/** `k` 0 is global. */
export function mergeShape(tokens: number, channels: number, k: Neighbourhood): MergeShape {
  return { tokens, channels, r: Math.floor(tokens / 4), k: k === 'global' ? 0 : k };
}

/** How a process of its own is asked for a case. */
export const nameOf = ({ tokens, channels, k }: MergeShape) => `${tokens} ${channels} ${k}`;

/** The same as calls from JavaScript. */
export const callOf = (name: string) => `call ${name}`;

export function shapeOf(name: string): MergeShape {
  const [tokens, channels, k] = name.split(' ').map(Number) as [number, number, number];
  return mergeShape(tokens, channels, k === 0 ? 'global' : k);
}

/** The first tokens · channels of the numbers in a file. */
export function tokensOf(file: string, { tokens, channels }: MergeShape): Float32Array<ArrayBuffer> {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, tokens * channels);
}

/** Merges in a run of what is timed, so that bringing the tokens in counts little; where k is global one is work enough. */
export const together = ({ k }: MergeShape) => (k === 0 ? 1 : 8);

/** A call from JavaScript: the tokens are copied in, and the result out. */
export function nativeMerge(backend: Backend, x: Float32Array, shape: MergeShape): () => Promise<Merged> {
  const builder = new ProgramBuilder();
  const merged = record(builder, shape)();
  for (const name of ['tokens', 'map', 'best', 'choice'] as const) builder.output(name, merged[name]);
  const run = runOf(backend, builder, x, shape);
  return async () => {
    const out = await run();
    return {
      tokens: out.tokens!.data as Float32Array,
      map: out.map!.data as Int32Array,
      best: out.best!.data as Float32Array,
      choice: out.choice!.data as Int32Array,
    };
  };
}

/** The operator as in a model, where its tokens come from another one and go to the next: as often as together() says. */
export function mergesAlone(backend: Backend, x: Float32Array, shape: MergeShape): () => Promise<unknown> {
  const builder = new ProgramBuilder();
  const merge = record(builder, shape);
  for (let i = 0; i < together(shape); i++) builder.output(`offsets.${i}`, merge().offsets);
  return runOf(backend, builder, x, shape);
}

function record(builder: ProgramBuilder, { channels, r, k }: MergeShape) {
  const inputs = { x: builder.input('x', 'float32', channels), offsets: builder.input('offsets', 'int32', 1) };
  return () => recordMergeTokens(inputs, { rule: 'r', amount: r, k, minTokens: 0 });
}

function runOf(backend: Backend, builder: ProgramBuilder, x: Float32Array, { tokens, channels }: MergeShape) {
  const { description, weights } = builder.build();
  const session = backend.createProgram(description, weights).createSession();
  const inputs = { x: matrix(x, channels), offsets: matrix(Int32Array.of(0, tokens)) };
  return () => session.run(inputs);
}

/** Numbers in a row, as they travel between processes: integers below 2^24 are exact. */
export function packMerged({ tokens, map, best, choice }: Merged): Float32Array {
  const packed = new Float32Array(tokens.length + map.length + best.length + choice.length);
  packed.set(tokens);
  packed.set(map, tokens.length);
  packed.set(best, tokens.length + map.length);
  packed.set(choice, packed.length - choice.length);
  return packed;
}

export function unpackMerged(packed: Float32Array, { tokens, channels, r }: MergeShape): Merged {
  const pairs = tokens >> 1;
  const expected = (tokens - r) * channels + tokens + 2 * pairs;
  if (packed.length !== expected) throw new Error(`merge: expected ${expected} numbers, got ${packed.length}`);
  const map = packed.length - 2 * pairs - tokens;
  return {
    tokens: packed.subarray(0, map),
    map: Int32Array.from(packed.subarray(map, map + tokens)),
    best: packed.subarray(map + tokens, map + tokens + pairs),
    choice: Int32Array.from(packed.subarray(packed.length - pairs)),
  };
}

/** Of a cosine summed in any order: one rounding for each product and square, and a few for norms and quotients. */
export const similarityBound = ({ channels }: MergeShape) => (2 * channels + 8) * ROUNDOFF;

/**
 * Throws unless a result follows from the tokens: every similarity is that of the chosen pair, the r largest merged,
 * and every new token is the mean of its members. That each choice is the best one shows in the similarities, which are
 * compared with another contender's; choices themselves differ where similarities are as good as equal.
 */
export function expectMerge(who: string, x: Float32Array, shape: MergeShape, result: Merged): void {
  const { tokens, channels, r, k } = shape;
  const { map, best, choice } = result;
  const fail = (what: string) => {
    throw new Error(`${who}: ${what}`);
  };
  const bound = similarityBound(shape);
  const merged: number[] = [];
  let largestUnmerged = -Infinity;
  best.forEach((similarity, i) => {
    const j = choice[i]!;
    if (!(j >= 0 && j < best.length) || (k > 0 && Math.abs(i - j) >= k)) fail(`pair ${i} chose ${j}`);
    const gap = Math.abs(similarity - cosine(x, channels, 2 * i, 2 * j + 1));
    if (!(gap <= bound)) fail(`similarity of pair ${i} is off by ${gap}, allowed ${bound}`);
    if (map[2 * i] === map[2 * j + 1]) merged.push(similarity);
    else largestUnmerged = Math.max(largestUnmerged, similarity);
  });
  for (let p = 3; p < tokens; p += 2) if (!(map[p]! > map[p - 2]!)) fail(`token ${p} stands before token ${p - 2}`);
  if (merged.length !== r) fail(`${merged.length} pairs merged, expected ${r}`);
  const least = merged.reduce((a, b) => Math.min(a, b), Infinity);
  if (least < largestUnmerged) fail(`a pair of similarity ${least} merged and one of ${largestUnmerged} did not`);
  expectMeans(who, x, { tokens, channels }, result);
}

function cosine(x: Float32Array, channels: number, a: number, b: number): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let c = 0; c < channels; c++) {
    const [p, q] = [x[a * channels + c]!, x[b * channels + c]!];
    ab += p * q;
    aa += p * p;
    bb += q * q;
  }
  return ab / (Math.max(Math.sqrt(aa), 1e-12) * Math.max(Math.sqrt(bb), 1e-12));
}

function expectMeans(
  who: string,
  x: Float32Array,
  { tokens, channels }: Pick<MergeShape, 'tokens' | 'channels'>,
  result: Merged,
): void {
  const rows = result.tokens.length / channels;
  const sizes = new Int32Array(rows);
  for (const place of result.map) sizes[place]!++;
  const sums = new Float64Array(rows * channels);
  let largest = 0;
  for (let p = 0; p < tokens; p++) {
    for (let c = 0; c < channels; c++) {
      const value = x[p * channels + c]!;
      sums[result.map[p]! * channels + c]! += value;
      largest = Math.max(largest, Math.abs(value));
    }
  }
  const members = sizes.reduce((a, b) => Math.max(a, b), 0);
  const bound = (members + 2) * ROUNDOFF * largest;
  for (let at = 0; at < sums.length; at++) {
    const size = sizes[Math.floor(at / channels)]!;
    const gap = Math.abs(result.tokens[at]! - sums[at]! / size);
    if (!(gap <= bound))
      throw new Error(`${who}: token ${Math.floor(at / channels)} is off by ${gap}, allowed ${bound}`);
  }
}
