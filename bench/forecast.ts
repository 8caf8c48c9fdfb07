import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeForecastInputs } from './forecast-inputs.js';
import { type Command, interleave, Peer } from './interleave.js';
import { difference, networkBound, PRODUCTS_A_LAYER } from './numbers.js';
import { SHAPES, type Size, writeChronosT5 } from './random-model.js';
import { type Options, Report, type Row } from './report.js';
import { temporaryFolder } from './workspace.js';

/*
 * A forecast with Chronos-T5: the encoder alone, and encoder and 64 decoding steps of 20 sampled paths and of one,
 * against other runtimes with the same weights and tokens. Every ratio is from interleaved pairs.
 */

const STEPS = 64;
const SIZES = Object.keys(SHAPES) as Size[];
const WORKLOADS = ['encoder', 'forecast of 20 paths', 'forecast of 1 path'] as const;

const OURS = 'tidemerge float32';
const OURS_BF16 = 'tidemerge bfloat16';
/** First the one whose speed-up is reported. */
const PAIRS: readonly (readonly [string, string])[] = [
  [OURS, 'onnxruntime float32'],
  [OURS, 'onnxruntime float32, shared memory'],
  [OURS, 'torch float32'],
  [OURS_BF16, 'torch float32'],
  [OURS_BF16, 'torch bfloat16'],
  [OURS_BF16, 'onnxruntime float32'],
  [OURS, 'tfjs wasm'],
  [OURS_BF16, OURS],
];

interface ForecastOptions extends Options {
  /** Shape of the model; small by default. */
  readonly size?: string | undefined;
  /** Only pairs with this text in their names, of which tidemerge alone. */
  readonly only?: string | undefined;
  /** Undisturbed rounds wanted of every pair. */
  readonly rounds?: string | undefined;
  /** Seconds a pair may take to find them. */
  readonly wait?: string | undefined;
  /** Share of the machine others may have in an undisturbed round. */
  readonly calm?: string | undefined;
}

export async function run(options: ForecastOptions): Promise<void> {
  const report = await Report.start('forecast', options);
  const size = SIZES.find((name) => name === (options.size ?? 'small'));
  if (!size) throw new Error(`--size: expected one of ${SIZES.join(', ')}, got ${options.size}`);
  const directory = writeChronosT5(temporaryFolder(), size);
  const { inputIds } = writeForecastInputs(directory, STEPS);
  report.say(`Chronos-T5-${size} shape, random weights, ${inputIds.length} tokens, ${STEPS} steps`);
  for (const threads of [1, 2]) await runThreads(report, { directory, size, threads }, options);
  report.finish();
}

interface Subject {
  readonly directory: string;
  readonly size: Size;
  readonly threads: number;
}

async function runThreads(report: Report, subject: Subject, options: ForecastOptions): Promise<void> {
  const { only } = options;
  const pairs = PAIRS.filter(([a, b]) => !only || `${a} ${b}`.replaceAll('tidemerge', '').includes(only));
  const peers = new Map<string, Peer>();
  try {
    for (const name of new Set([OURS, ...pairs.flat()]))
      peers.set(name, await Peer.start(name, commandOf(name, subject)));
    const label = `${subject.threads} thread${subject.threads > 1 ? 's' : ''}`;
    report.table(`results, ${label}`, await checks(peers, subject));
    report.table(`times, ${label}`, await times(report, pairs, peers, options));
  } finally {
    for (const peer of peers.values()) peer.close();
  }
}

/** Encoder states and logits of every contender against ours in float32. */
async function checks(peers: ReadonlyMap<string, Peer>, { directory, size }: Subject): Promise<Row[]> {
  const file = join(directory, 'output.f32');
  const ours = peers.get(OURS)!;
  const expected = { encoder: await ours.output('encoder', file), logits: await ours.output('logits', file) };
  const rows: Row[] = [];
  for (const [name, peer] of peers) {
    if (peer.absent) {
      rows.push({ name, version: `not measured here: ${peer.absent}` });
      continue;
    }
    const { workloads: _, outputs, ...info } = peer.info;
    const row: Record<string, Row[string]> = { name, version: Object.values(info).join(', ') };
    for (const output of ['encoder', 'logits'] as const) {
      if (!(outputs as string[]).includes(output)) continue;
      const { relative } = difference(await peer.output(output, file), expected[output]);
      const bound = boundOf(name, size);
      row[`${output}: relative error`] = relative;
      row.allowed = bound;
      if (!(relative <= bound)) throw new Error(`${name}: ${output} differs by ${relative}, allowed ${bound}`);
    }
    rows.push(row);
  }
  return rows;
}

/** Roundings of weights to bfloat16 are single and have random signs; there an operand of every product is rounded too. */
function boundOf(name: string, size: Size): number {
  const { numLayers, dFf } = SHAPES[size];
  const products = PRODUCTS_A_LAYER * 3 * numLayers;
  return name.includes('bfloat16') ? Math.sqrt(2 * products) * 2 ** -9 : networkBound(products, dFf);
}

async function times(
  report: Report,
  pairs: typeof PAIRS,
  peers: ReadonlyMap<string, Peer>,
  options: ForecastOptions,
): Promise<Row[]> {
  const rounds = Number(options.rounds ?? (options.quick ? 3 : 9));
  const wait = Number(options.wait ?? (options.quick ? 5 : 60));
  const calm = Number(options.calm ?? 0.1);
  const rows: Row[] = [];
  for (const workload of WORKLOADS) {
    for (const [first, second] of pairs) {
      const [a, b] = [peers.get(first), peers.get(second)];
      if (!a?.can(workload) || !b?.can(workload)) continue;
      const result = await interleave(a, b, workload, { rounds, wait, calm });
      const row = {
        workload,
        a: first,
        'a best': result.a.best,
        'a median': result.a.median,
        b: second,
        'b best': result.b.best,
        'b median': result.b.median,
        'b / a': result.ratio.median,
        quartiles: `${result.ratio.low.toFixed(2)} - ${result.ratio.high.toFixed(2)}`,
        'processor time b / a': result.cpuRatio,
        rounds: result.rounds,
        others: `${(100 * result.others).toFixed(0)} %${result.disturbed ? ', disturbed' : ''}`,
      };
      rows.push(row);
      report.say(
        `  ${workload}: ${first} ${result.a.median.toFixed(1)} ms, ${second} ${result.b.median.toFixed(1)} ms`,
      );
    }
  }
  return rows;
}

/** The worker of ours is compiled beside this file; those of others stay in bench/peers, where their packages are. */
function commandOf(name: string, { directory, threads }: Subject): Command {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const node = (path: string, ...args: string[]) => ({
    program: process.execPath,
    args: [here(path), directory, ...args, String(threads)],
  });
  const [library, dtype = 'float32'] = name.split(/,? /) as [string, string?];
  switch (library) {
    case 'tidemerge':
      return node('workers/tidemerge.js', dtype);
    case 'onnxruntime':
      return node('../bench/peers/onnxruntime.mjs', name.endsWith('shared memory') ? 'shared' : 'replicated');
    case 'tfjs':
      return node('../bench/peers/tfjs.mjs');
    default: {
      const script = here('../bench/peers/torch_chronos.py');
      const python = process.env.PYTHON ?? 'python3';
      return { program: python, args: ['-W', 'ignore', script, directory, dtype, String(threads)] };
    }
  }
}
