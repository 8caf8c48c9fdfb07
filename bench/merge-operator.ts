import { MergeBaseline, type Merged, type MergeShape } from './baselines/merge.js';
import { expectClose } from './compare.js';
import { inTurns } from './in-turns.js';
import { type Backend, createBackend } from './internals.js';
import { expectMerge, mergeShape, type Neighbourhood, nativeMerge, similarityBound } from './merge-case.js';
import { againstTorch } from './merge-peers.js';
import { measureScaling } from './merge-scaling.js';
import { difference, randomArray } from './numbers.js';
import { type Options, Report, type Row } from './report.js';

/*
 * Local token merging of one series, a quarter of its tokens: native against tuned JavaScript, against copying as many
 * bytes, and against PyTorch; and how its time grows with the tokens.
 */

export interface MergeOptions extends Options {
  readonly rounds?: string | undefined;
  readonly wait?: string | undefined;
  readonly calm?: string | undefined;
  /** Where the plot of the scaling goes. */
  readonly svg?: string | undefined;
}

const TOKENS = [512, 2048, 8192, 16000] as const;
const CHANNELS = [64, 256, 512] as const;
const NEIGHBOURHOODS: readonly Neighbourhood[] = [1, 8, 'global'];
/** Beyond, a global merge takes tuned JavaScript seconds, and nothing new is learned. */
const JAVASCRIPT_GLOBAL = 2048;

export async function run(options: MergeOptions): Promise<void> {
  const report = await Report.start('merge-operator', options);
  const [tokens, channels] = options.quick ? ([TOKENS.slice(0, 2), [64]] as const) : ([TOKENS, CHANNELS] as const);
  const shapes = NEIGHBOURHOODS.flatMap((k) => channels.flatMap((c) => tokens.map((t) => mergeShape(t, c, k))));
  const numbers = randomArray(Math.max(...shapes.map((shape) => shape.tokens * shape.channels)), 1);
  const backends = await Promise.all([1, 2].map((threads) => createBackend({ threads })));
  for (const backend of backends) {
    const rows: Row[] = [];
    for (const shape of shapes) rows.push(await againstJavaScript(backend, numbers, shape, options));
    report.table(`a quarter of the tokens of a series merged, ${threadsOf(backend)}`, rows);
  }
  report.say(`tuned JavaScript is left out where k is global and there are more than ${JAVASCRIPT_GLOBAL} tokens`);
  await measureScaling(report, backends, options);
  for (const backend of backends) backend.dispose();
  await againstTorch(report, numbers, shapes, options);
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
  const native = nativeMerge(backend, x, shape);
  const turns = { rounds: Number(options.rounds ?? (options.quick ? 5 : 9)), turn: options.quick ? 20 : 100 };
  const result = await native();
  expectMerge('native', x, shape, result);
  const copy = copyOf(shape);
  const floor = await inTurns(native, async () => copy(), turns);
  const row = {
    t: tokens,
    d: channels,
    k: k === 0 ? 'global' : String(k),
    'native ms': floor.a,
    'copy ms': floor.b,
    'copy GB/s': bytesOf(shape) / floor.b / 1e6,
    'native / copy': floor.ratio.median,
    'copy quartiles': quartiles(floor.ratio),
  };
  if (k === 0 && tokens > JAVASCRIPT_GLOBAL) return row;
  const baseline = new MergeBaseline(shape);
  const tuned = baseline.run(x);
  expectMerge('tuned JavaScript', x, shape, tuned);
  const bound = 2 * similarityBound(shape);
  const { largest } = difference(result.best, tuned.best);
  expectClose(`merge of ${tokens} x ${channels}, k ${k}`, largest, bound);
  const { b, ratio } = await inTurns(native, async () => baseline.run(x), turns);
  return {
    ...row,
    'JavaScript ms': b,
    'speed-up': 1 / ratio.median,
    quartiles: quartiles({ low: 1 / ratio.high, high: 1 / ratio.low }),
    'similarities: largest error': largest,
    allowed: bound,
    'equal links %': 100 * equalLinks(result, tuned),
  };
}

export const quartiles = ({ low, high }: { readonly low: number; readonly high: number }) =>
  `${low.toFixed(2)} - ${high.toFixed(2)}`;

/** The tokens read once and the result written once. */
const bytesOf = ({ tokens, channels, r }: MergeShape) => 4 * (2 * tokens - r) * channels;

/** Copies until as many bytes were read and written, from and to memory as large as the tokens and the result. */
function copyOf({ tokens, channels, r }: MergeShape): () => void {
  const floats = Math.round((tokens - r / 2) * channels);
  const from = randomArray(floats, 2);
  const to = new Float32Array(floats).fill(1);
  return () => to.set(from);
}

/** Share of places that both maps have in common: it is below 1 where two similarities are as good as equal. */
function equalLinks(a: Merged, b: Merged): number {
  return a.map.reduce((count, place, p) => count + Number(place === b.map[p]), 0) / a.map.length;
}
