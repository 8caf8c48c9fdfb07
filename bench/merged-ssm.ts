import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HyenaModel, type MergingOptions } from 'tidemerge/models';
import { inTurns } from './in-turns.js';
import { hyenaFlops } from './internals.js';
import { HYENA_MEDIUM, randomLetters, writeHyena } from './random-hyena.js';
import { type Options, Report, type Row } from './report.js';
import { temporaryFolder } from './workspace.js';

/*
 * What token merging makes of the time and memory of a state-space model over a long sequence, against what its
 * operations promise: HyenaDNA of the medium shape (arXiv 2405.17951, table 3, has 16,000 nucleotides).
 */

const TOKENS = 16_000;
const NEIGHBOURHOODS = [1, 'global'] as const;

interface MergedSsmOptions extends Options {
  readonly rounds?: string | undefined;
}

export async function run(options: MergedSsmOptions): Promise<void> {
  const report = await Report.start('merged-ssm', options);
  const tokens = options.quick ? 4_000 : TOKENS;
  const ratios = options.quick ? [0.1, 0.5] : [0.1, 0.2, 0.3, 0.4, 0.5];
  const turns = { rounds: Number(options.rounds ?? (options.quick ? 3 : 7)), turn: 500 };
  const directory = writeHyena(temporaryFolder(), HYENA_MEDIUM);
  const rows: Row[] = [];
  for (const threads of [1, 2]) {
    const model = await HyenaModel.load(directory, { threads });
    for (const k of NEIGHBOURHOODS) {
      for (const ratio of ratios) rows.push(await measure(model, threads, tokens, { k, ratio }, turns));
    }
    model.dispose();
  }
  report.table(`HyenaDNA of the medium shape, ${tokens} tokens, merging in every block`, rows);
  const merges: (MergingOptions | false)[] = [false, ...ratios.map((ratio) => ({ k: 1, ratio }))];
  report.table(
    'memory, one thread',
    merges.map((merging) => memory(directory, tokens, merging)),
  );
  report.finish();
}

async function measure(
  model: HyenaModel,
  threads: number,
  tokens: number,
  { k, ratio }: { readonly k: 1 | 'global'; readonly ratio: number },
  turns: Parameters<typeof inTurns>[2],
): Promise<Row> {
  const inputs = { inputIds: randomLetters(tokens), head: 'none', lastHiddenState: true } as const;
  const merging = { k, ratio };
  const merged = () => model.forward({ ...inputs, merging });
  const traced = await model.forward({ ...inputs, merging: { ...merging, trace: true } });
  const counts = [tokens, ...traced.trace![0]!.layers.map((layer) => layer.tokens)];
  const { a, b, ratio: speedUp, cpuRatio } = await inTurns(() => model.forward(inputs), merged, turns);
  const { config } = model;
  const unmerged = hyenaFlops(
    counts.map(() => tokens),
    config,
    undefined,
  );
  const promised = unmerged / hyenaFlops(counts, config, { k: k === 'global' ? 0 : k });
  return {
    threads,
    k: String(k),
    ratio,
    'unmerged ms': a,
    'merged ms': b,
    'speed-up': speedUp.median,
    quartiles: `${speedUp.low.toFixed(2)} - ${speedUp.high.toFixed(2)}`,
    'of processor time': cpuRatio,
    'promised by FLOPs': promised,
    'reached %': (100 * speedUp.median) / promised,
    tokens: counts.join('>'),
  };
}

/** In a process of its own, which has nothing else to collect. */
function memory(directory: string, tokens: number, merging: MergingOptions | false): Row {
  const worker = fileURLToPath(new URL('workers/hyena-memory.js', import.meta.url));
  const args = [worker, directory, String(tokens), JSON.stringify(merging)];
  const { loaded, kept, pass } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Record<
    'loaded' | 'kept' | 'pass',
    number | undefined
  >;
  return {
    merging: merging ? `k ${merging.k}, ratio ${merging.ratio}` : 'none',
    'added by loading MiB': loaded,
    'kept after a pass MiB': kept,
    'added by another MiB': pass,
  };
}
