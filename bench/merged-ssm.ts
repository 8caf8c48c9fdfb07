import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { manyInTurns, type TurnsResult } from './in-turns.js';
import { type Options, Report, type Row } from './report.js';
import { type Merging, type SsmPass, SUBJECTS } from './ssm-subjects.js';
import { temporaryFolder } from './workspace.js';

/*
 * What token merging makes of the time and memory of a state-space model over a long sequence, against what its
 * operations promise: HyenaDNA of the medium shape and a Mamba of like size (arXiv 2405.17951, table 3, has 16,000
 * nucleotides through the former).
 */

const TOKENS = 16_000;
const RATIOS = [0.1, 0.2, 0.3, 0.4, 0.5];
const NEIGHBOURHOODS = [1, 'global'] as const;
/** The fastest with k 1 there. */
const PAPER = 3.62;

type Name = keyof typeof SUBJECTS;
type Neighbourhood = (typeof NEIGHBOURHOODS)[number];

interface MergedSsmOptions extends Options {
  readonly rounds?: string | undefined;
  /** One of the models. */
  readonly only?: string | undefined;
}

export async function run(options: MergedSsmOptions): Promise<void> {
  const report = await Report.start('merged-ssm', options);
  const { only } = options;
  if (only !== undefined && !(only in SUBJECTS)) throw new Error(`--only: expected hyena or mamba, got ${only}`);
  for (const name of Object.keys(SUBJECTS) as Name[]) if (!only || only === name) await sweep(report, name, options);
  report.finish();
}

async function sweep(report: Report, name: Name, options: MergedSsmOptions): Promise<void> {
  const subject = SUBJECTS[name];
  const tokens = options.quick ? 4_000 : TOKENS;
  const ratios = options.quick ? [0.1, 0.5] : RATIOS;
  const rounds = Number(options.rounds ?? (options.quick ? 2 : 5));
  const directory = subject.write(temporaryFolder());
  const cells: Cell[] = [];
  for (const threads of [1, 2]) {
    const model = await subject.load(directory, tokens, threads);
    for (const k of NEIGHBOURHOODS) cells.push(...(await measure(model, { threads, tokens, k, ratios, rounds })));
    model.dispose();
  }
  report.table(`${subject.title}, ${tokens} tokens, merging in every layer`, cells.map(rowOf));
  report.table(`${name}: smallest ratio of the sweep with ${PAPER} times the speed`, thresholds(cells));
  const ends = [ratios[0]!, ratios.at(-1)!];
  const merges: Merging[] = [false, ...NEIGHBOURHOODS.flatMap((k) => ends.map((ratio) => ({ k, ratio })))];
  report.table(
    `${name}: memory, one thread`,
    merges.map((merging) => memory(name, directory, tokens, merging)),
  );
}

interface Sweep {
  readonly threads: number;
  readonly tokens: number;
  readonly k: Neighbourhood;
  readonly ratios: readonly number[];
  readonly rounds: number;
}

interface Cell {
  readonly threads: number;
  readonly k: Neighbourhood;
  readonly ratio: number;
  /** a: unmerged, b: merged. */
  readonly times: TurnsResult;
  /** Speed-up if every operation took as long as another. */
  readonly promised: number;
  /** Operations of the unmerged pass. */
  readonly flops: number;
  readonly counts: readonly number[];
}

/** All ratios of one neighbourhood, and none, in turns. */
async function measure(model: SsmPass, { threads, tokens, k, ratios, rounds }: Sweep): Promise<Cell[]> {
  const traces: number[][] = [];
  for (const ratio of ratios) traces.push([tokens, ...(await model.run({ k, ratio, trace: true }))]);
  const merged = ratios.map((ratio) => () => model.run({ k, ratio }));
  const times = await manyInTurns(() => model.run(false), merged, rounds);
  const flops = model.flops(Array<number>(model.numLayers + 1).fill(tokens), undefined);
  return ratios.map((ratio, i) => {
    const counts = traces[i]!;
    if (counts.length !== model.numLayers + 1)
      throw new Error(`expected a trace of every layer, got ${counts.length - 1}`);
    const promised = flops / model.flops(counts, k === 'global' ? 0 : k);
    return { threads, k, ratio, times: times[i]!, promised, flops, counts };
  });
}

function rowOf({ threads, k, ratio, times, promised, flops, counts }: Cell): Row {
  const { a, b, ratio: speedUp, cpuRatio } = times;
  return {
    threads,
    k: String(k),
    ratio,
    'unmerged ms': a,
    'GFLOP/s': flops / a / 1e6,
    'merged ms': b,
    'speed-up': speedUp.median,
    quartiles: `${speedUp.low.toFixed(2)} - ${speedUp.high.toFixed(2)}`,
    'of processor time': cpuRatio,
    'promised by FLOPs': promised,
    'reached %': (100 * speedUp.median) / promised,
    tokens: counts.join('>'),
  };
}

function thresholds(cells: readonly Cell[]): Row[] {
  const rows: Row[] = [];
  for (const threads of new Set(cells.map((cell) => cell.threads))) {
    for (const k of NEIGHBOURHOODS) {
      const own = cells.filter((cell) => cell.threads === threads && cell.k === k);
      const first = (passes: (cell: Cell) => boolean) => String(own.find(passes)?.ratio ?? 'none');
      rows.push({
        threads,
        k: String(k),
        measured: first(({ times }) => times.ratio.median >= PAPER),
        'lower quartile too': first(({ times }) => times.ratio.low >= PAPER),
        promised: first(({ promised }) => promised >= PAPER),
      });
    }
  }
  return rows;
}

/** In a process of its own, which has nothing else to collect. */
function memory(name: Name, directory: string, tokens: number, merging: Merging): Row {
  const worker = fileURLToPath(new URL('workers/ssm-memory.js', import.meta.url));
  const args = [worker, name, directory, String(tokens), JSON.stringify(merging)];
  const { loaded, kept, peak } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Record<
    'loaded' | 'kept' | 'peak',
    number | undefined
  >;
  return {
    merging: merging ? `k ${merging.k}, ratio ${merging.ratio}` : 'none',
    'added by loading MiB': loaded,
    'kept after two passes MiB': kept,
    'at most during them MiB': peak ?? 'not known here',
  };
}
