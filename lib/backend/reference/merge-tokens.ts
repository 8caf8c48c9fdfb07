import { TidemergeError } from '../../errors.js';
import type { Attributes } from '../backend.js';
import type { Call } from './call.js';
import { type BestLinks, bestLinks, earliest, mostSimilar, type Similarity } from './merge-links.js';
import type { ReferenceOperator } from './operator.js';
import { float32, float32Vector, int32, int32Vector, uint8 } from './value.js';

/** See `mergeTokens` of lib/ops/merge-tokens.ts. */
export const mergeTokens: ReferenceOperator = {
  inputs: [2, 5],
  outputs: 9,
  attributes: {
    rule: 'string',
    amount: 'number',
    k: 'integer',
    minTokens: 'integer',
    keep: 'string',
    common: 'boolean',
    similarity: 'string',
    weighted: 'boolean',
  },
  options: { drop: 'boolean' },
  check: checkAttributes,
  run(call) {
    const batch = readBatch(call);
    const series = batch.lengths.map((_, b) => linksOf(call, batch, b));
    const counts = countsOf(call, batch, series);
    const chosen = series.map((links, b) =>
      call.string('rule') === 'threshold' && call.string('keep') === 'earliest' && !call.boolean('common')
        ? earliest(links, call.number('amount'), counts[b]!)
        : mostSimilar(links, counts[b]!),
    );
    return mergeAll(call, batch, series, chosen);
  },
};

function checkAttributes(attributes: Attributes): void {
  const choices = {
    rule: ['r', 'ratio', 'threshold'],
    keep: ['similar', 'earliest'],
    similarity: ['cosine', 'l2', 'l1'],
  };
  for (const [name, allowed] of Object.entries(choices)) {
    if (!allowed.includes(attributes[name] as string))
      throw wrong(name, `one of '${allowed.join("', '")}'`, attributes);
  }
  for (const name of ['k', 'minTokens']) {
    if (!((attributes[name] as number) >= 0)) throw wrong(name, 'an integer >= 0', attributes);
  }
  const amount = attributes.amount as number;
  const { rule } = attributes;
  if (rule === 'r' && !(Number.isSafeInteger(amount) && amount >= 0))
    throw wrong('amount', 'an integer >= 0', attributes);
  if (rule === 'ratio' && !(amount >= 0 && amount <= 1)) throw wrong('amount', 'a ratio from 0 to 1', attributes);
  if (rule === 'threshold' && !Number.isFinite(amount)) throw wrong('amount', 'a finite threshold', attributes);
}

function wrong(name: string, expected: string, attributes: Attributes): TidemergeError {
  return new TidemergeError(
    'ERR_INVALID_ARGUMENT',
    `merge_tokens: attribute ${name}: expected ${expected}, got ${attributes[name]}`,
  );
}

type Batch = ReturnType<typeof readBatch>;

function readBatch(call: Call) {
  const x = call.input(0, 'x', 'float32');
  const offsets = call.offsets(1, 'offsets', x.rows);
  const sizes = call.has(2) ? call.shaped(2, 'sizes', x.rows, 1, 'float32').data : new Float64Array(x.rows).fill(1);
  const metric = call.has(3) ? call.input(3, 'metric', 'float32') : x;
  if (metric.rows !== x.rows) {
    throw call.error('ERR_INVALID_SHAPE', 'metric', `shape [${x.rows}, *] like x`, `[${metric.rows}, ${metric.cols}]`);
  }
  const mask = call.has(4) ? call.shaped(4, 'mask', x.rows, 1, 'uint8').data : new Uint8Array(x.rows).fill(1);
  const unusable = sizes.findIndex((size) => !(size > 0 && Number.isFinite(size)));
  if (unusable !== -1) {
    const got = `${sizes[unusable]} in row ${unusable}`;
    throw call.error('ERR_INVALID_ARGUMENT', 'sizes', 'finite numbers above 0', got);
  }
  const lengths = Array.from({ length: offsets.length - 1 }, (_, b) => offsets[b + 1]! - offsets[b]!);
  const other = lengths.findIndex((length) => length !== lengths[0]);
  if (call.boolean('common') && other !== -1) {
    const got = `${lengths[0]} and ${lengths[other]}`;
    throw call.error('ERR_INVALID_SHAPE', 'offsets', 'equal lengths for one common count', got);
  }
  return { x, offsets, sizes, metric, mask, lengths };
}

function linksOf(call: Call, { offsets, metric, mask, lengths }: Batch, b: number): BestLinks {
  const [from, to] = [offsets[b]!, offsets[b + 1]!];
  const data = metric.data.subarray(from * metric.cols, to * metric.cols);
  const present = Array.from({ length: to - from }, (_, token) => {
    const row = data.subarray(token * metric.cols, (token + 1) * metric.cols);
    return mask[from + token] !== 0 && row.every(Number.isFinite);
  });
  const series = { tokens: lengths[b]!, features: metric.cols, data, present };
  return bestLinks(series, call.number('k'), call.string('similarity') as Similarity);
}

/** Links that merge, by series. */
function countsOf(call: Call, { lengths }: Batch, series: readonly BestLinks[]): number[] {
  const amount = call.number('amount');
  const wanted = series.map(({ best }, b) => {
    if (call.string('rule') === 'r') return amount;
    if (call.string('rule') === 'ratio') return Math.floor(amount * lengths[b]!);
    return best.filter((value) => value > amount).length;
  });
  const possible = series.map(({ best }, b) =>
    Math.min(best.filter((value) => value !== -Infinity).length, Math.max(0, lengths[b]! - call.number('minTokens'))),
  );
  if (!call.boolean('common')) return wanted.map((count, b) => Math.min(count, possible[b]!));
  const mean = wanted.reduce((sum, count) => sum + count, 0) / wanted.length;
  const common = Math.min(Math.floor(mean + 0.5), ...possible);
  return wanted.map(() => common);
}

function mergeAll(call: Call, batch: Batch, series: readonly BestLinks[], chosen: readonly number[][]) {
  const { x, offsets, lengths } = batch;
  const newOffsets = [0];
  for (const [b, length] of lengths.entries()) newOffsets.push(newOffsets[b]! + length - chosen[b]!.length);
  const rows = newOffsets.at(-1)!;
  const tokens = float32(rows, x.cols);
  const sizes = float32(rows, 1);
  const mask = uint8(rows, 1);
  const map = int32(x.rows, 1);
  const last = chosen.map((links, b) => (links.length === 0 ? Number.NaN : series[b]!.best[links.at(-1)!]!));
  for (const [b, links] of chosen.entries()) {
    const places = placesOf(lengths[b]!, links, series[b]!.choice);
    map.data.set(places, offsets[b]!);
    average(call, batch, { from: offsets[b]!, to: newOffsets[b]!, places }, { tokens, sizes, mask });
  }
  const pairs = chosen.flatMap((links, b) => links.flatMap((source) => [source, series[b]!.choice[source]!]));
  return [
    tokens,
    sizes,
    int32Vector(newOffsets),
    map,
    mask,
    float32Vector(last),
    float32Vector(series.flatMap(({ best }) => [...best])),
    int32Vector(series.flatMap(({ choice }) => [...choice])),
    int32(pairs.length / 2, 2, Int32Array.from(pairs)),
  ];
}

/** Old place to new place: merged A tokens vanish, everything else keeps its order. */
function placesOf(length: number, sources: readonly number[], choice: Int32Array): Int32Array {
  const gone = new Set(sources.map((source) => 2 * source));
  const places = new Int32Array(length);
  let next = 0;
  for (let p = 0; p < length; p++) places[p] = gone.has(p) ? -1 : next++;
  for (const source of sources) places[2 * source] = places[2 * choice[source]! + 1]!;
  return places;
}

function average(
  call: Call,
  { x, sizes, mask }: Batch,
  { from, to, places }: { from: number; to: number; places: Int32Array },
  out: { tokens: { data: Float64Array }; sizes: { data: Float64Array }; mask: { data: Uint8Array | Int32Array } },
): void {
  const members = new Map<number, number[]>();
  for (const [p, place] of places.entries()) members.set(place, [...(members.get(place) ?? []), p]);
  for (const [place, all] of members) {
    const row = out.tokens.data.subarray((to + place) * x.cols, (to + place + 1) * x.cols);
    // The B token is the one in an odd place.
    const old = all.length > 1 && call.boolean('drop', false) ? all.filter((p) => p % 2 === 1) : all;
    const weights = old.map((p) => (call.boolean('weighted') ? sizes[from + p]! : 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [m, p] of old.entries()) {
      const share = old.length === 1 ? 1 : weights[m]! / total;
      for (let c = 0; c < x.cols; c++) row[c]! += share * x.data[(from + p) * x.cols + c]!;
    }
    for (const p of all) {
      out.sizes.data[to + place]! += sizes[from + p]!;
      out.mask.data[to + place]! |= mask[from + p] === 0 ? 0 : 1;
    }
  }
}
