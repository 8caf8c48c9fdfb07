import { MergeBaseline, type Merged, type MergeShape } from './baselines/merge.js';
import { expectClose } from './compare.js';
import { inTurns } from './in-turns.js';
import { type Backend, createBackend } from './internals.js';
import {
  expectMerge,
  mergeShape,
  mergesAlone,
  type Neighbourhood,
  nativeMerge,
  similarityBound,
  together,
} from './merge-case.js';
import { againstTorch } from './merge-peers.js';
import { measureScaling } from './merge-scaling.js';
import { difference, median, randomArray } from './numbers.js';
import { Report, type Row } from './report.js';
import type { PeerOptions } from './torch-peer.js';

/*
 * Local token merging of one series, a quarter of its tokens: native against tuned JavaScript, against copying as many
 * bytes, and against PyTorch; and how its time grows with the tokens.
 */

export interface MergeOptions extends PeerOptions {
  /** Only this part: javascript, scaling or torch. */
  readonly only?: string | undefined;
  /** Where the plot of the scaling goes. */
  readonly svg?: string | undefined;
}

const TOKENS = [512, 2048, 8192, 16000] as const;
const CHANNELS = [64, 256, 512] as const;
const NEIGHBOURHOODS: readonly Neighbourhood[] = [1, 8, 'global'];
/** Beyond, a global merge takes tuned JavaScript seconds, and nothing new is learned. */
const JAVASCRIPT_GLOBAL = 2048;

const PARTS = ['javascript', 'scaling', 'torch'] as const;

export async function run(options: MergeOptions): Promise<void> {
  if (options.only && !PARTS.some((part) => part === options.only)) {
    throw new Error(`--only: expected one of ${PARTS.join(', ')}, got ${options.only}`);
  }
  const report = await Report.start('merge-operator', options);
  const [tokens, channels] = options.quick ? ([TOKENS.slice(0, 2), [64]] as const) : ([TOKENS, CHANNELS] as const);
  const shapes = NEIGHBOURHOODS.flatMap((k) => channels.flatMap((c) => tokens.map((t) => mergeShape(t, c, k))));
  const numbers = randomArray(Math.max(...shapes.map((shape) => shape.tokens * shape.channels)), 1);
  const backends = await Promise.all([1, 2].map((threads) => createBackend({ threads })));
  const wanted = (part: (typeof PARTS)[number]) => !options.only || options.only === part;
  for (const backend of wanted('javascript') ? backends : []) {
    const rows: Row[] = [];
    for (const shape of shapes) rows.push(await againstJavaScript(backend, numbers, shape, options));
    report.table(`a quarter of the tokens of a series merged, ${threadsOf(backend)}`, rows);
    report.say(`tuned JavaScript is left out where k is global and there are more than ${JAVASCRIPT_GLOBAL} tokens`);
  }
  if (wanted('scaling')) await measureScaling(report, backends, options);
  for (const backend of backends) backend.dispose();
  const peers = options.quick ? shapes.filter((shape) => shape.tokens === TOKENS[1]) : shapes;
  if (wanted('torch')) await againstTorch(report, numbers, peers, options);
  report.finish();
}

const threadsOf = ({ threads }: Backend) => `${threads} thread${threads > 1 ? 's' : ''}`;

async function againstJavaScript(
  backend: Backend,
  numbers: Float32Array,
  shape: MergeShape,
  options: MergeOptions,
): Promise<Row> {
  const { tokens, channels, k } = shape;
  const x = numbers.slice(0, tokens * channels);
  const call = nativeMerge(backend, x, shape);
  const turns = { rounds: Number(options.rounds ?? (options.quick ? 5 : 9)), turn: options.quick ? 20 : 100 };
  const result = await call();
  expectMerge('native', x, shape, result);
  const copy = copyOf(shape);
  const merges = together(shape);
  const copies = async () => {
    for (let i = 0; i < merges; i++) copy();
  };
  const floor = await inTurns(mergesAlone(backend, x, shape), copies, turns);
  const row = {
    t: tokens,
    d: channels,
    k: k === 0 ? 'global' : String(k),
    'operator ms': floor.a / merges,
    'copy ms': floor.b / merges,
    'copy GB/s': (merges * bytesOf(shape)) / floor.b / 1e6,
    'operator / copy': floor.ratio.median,
    'its quartiles': quartiles(floor.ratio),
  };
  if (k === 0 && tokens > JAVASCRIPT_GLOBAL) return row;
  const baseline = new MergeBaseline(shape);
  const tuned = baseline.run(x);
  expectMerge('tuned JavaScript', x, shape, tuned);
  const bound = 2 * similarityBound(shape);
  const { largest } = difference(result.best, tuned.best);
  expectClose(`merge of ${tokens} x ${channels}, k ${k}`, largest, bound);
  const { a, b, ratio } = await inTurns(call, async () => baseline.run(x), turns);
  return {
    ...row,
    'call ms': a,
    'JavaScript ms': b,
    'JavaScript / call': 1 / ratio.median,
    quartiles: quartiles({ low: 1 / ratio.high, high: 1 / ratio.low }),
    'JavaScript / operator': (b / floor.a) * merges,
    'largest error': largest,
    allowed: bound,
    'equal links %': 100 * equalLinks(result, tuned),
  };
}

export const quartiles = ({ low, high }: { readonly low: number; readonly high: number }) =>
  `${low.toFixed(2)} - ${high.toFixed(2)}`;

/** The tokens read once and the result written once. */
const bytesOf = ({ tokens, channels, r }: MergeShape) => 4 * (2 * tokens - r) * channels;

/**
 * A copy that reads and writes as many bytes, from and to memory as large as the tokens and the result. The distance of
 * the two within a page decides whether some processors copy quickly or at a tenth of that: the best of several.
 */
function copyOf({ tokens, channels, r }: MergeShape): () => void {
  const floats = Math.round((tokens - r / 2) * channels);
  const from = randomArray(floats, 2);
  const memory = new Float32Array(floats + 1024).fill(1);
  const candidates = [0, 16, 80, 272, 528, 784].map((offset) => {
    const to = memory.subarray(offset, offset + floats);
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      to.set(from);
      return performance.now() - start;
    });
    return { to, ms: median(times) };
  });
  const { to } = candidates.reduce((a, b) => (b.ms < a.ms ? b : a));
  return () => to.set(from);
}

/** Share of places that both maps have in common: it is below 1 where two similarities are as good as equal. */
function equalLinks(a: Merged, b: Merged): number {
  return a.map.reduce((count, place, p) => count + Number(place === b.map[p]), 0) / a.map.length;
}
