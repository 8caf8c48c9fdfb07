import { longConv } from 'tidemerge/ops';
import type { Backend } from './internals.js';
import { randomArray } from './numbers.js';

/** One sequence and filters of its length, which fall off by e a quarter of the length. */
export interface ConvCase {
  readonly length: number;
  readonly channels: number;
  readonly u: Float32Array<ArrayBuffer>;
  readonly k: Float32Array<ArrayBuffer>;
  readonly D: Float32Array<ArrayBuffer>;
}

export function convCase(name: string): ConvCase {
  const [length, channels] = name.split(' ').map(Number) as [number, number];
  const k = randomArray(length * channels, 2);
  for (let i = 0; i < k.length; i++) k[i]! *= Math.exp((-4 * Math.floor(i / channels)) / length) / Math.sqrt(length);
  return { length, channels, u: randomArray(length * channels, 1), k, D: randomArray(channels, 3) };
}

export function nativeConv(backend: Backend, { length, channels, u, k, D }: ConvCase): () => Float32Array {
  const rows = { data: u, shape: [1, length, channels] };
  const filter = { data: k, shape: [length, channels] };
  const options = { D: { data: D, shape: [channels] }, layout: 'channelsLast', backend } as const;
  return () => longConv(rows, filter, options).data;
}

/** Operations as they are usually counted: three transforms of 2 · length real numbers, 2.5 n log2 n each. */
export function operations({ length, channels }: ConvCase): number {
  return 3 * 2.5 * 2 * length * Math.log2(2 * length) * channels;
}

/**
 * How far results may differ: 27 roundings for each of log2 of the length levels of transforms, relative to norms, of which
 * that of a channel's u is the root of its length and that of its k 1 at most; four deviations of a spectrum are its peak.
 */
export function convBound({ length }: ConvCase): number {
  return 27 * Math.log2(2 * length) * 4 * Math.sqrt(length) * 2 ** -24;
}
