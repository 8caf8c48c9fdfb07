import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { evaluateDetection } from 'tidemerge/analysis';
import { readSamples, type Sample } from 'tidemerge/io';
import { Report, type Row } from './report.js';
import { temporaryFolder } from './workspace.js';

/*
 * Anomaly detection on real data as a user does it, through the command line: the dense model that the authors of the
 * sparse binary transformers trained for channel P-1 of SMAP, on that channel, by both protocols. Beside it scores drawn
 * at random, judged in the same two ways. Data and model are not ours to publish: TIDEMERGE_SHARED names their folder.
 */

const CHANNEL = 'P-1';
const LEVEL = 0.99;
const DRAWS = 20;
const PROTOCOLS = ['honest', 'paper'] as const;

export async function run(options: { readonly json: boolean; readonly quick: boolean }): Promise<void> {
  const shared = process.env.TIDEMERGE_SHARED;
  const data = join(shared ?? '', 'data', 'smap_msl');
  const checkpoint = join(shared ?? '', 'data/models/sparse_binary_transformer/dense_ts_smap_ws200/model.safetensors');
  if (!shared || !existsSync(data) || !existsSync(checkpoint)) {
    process.stderr.write(`SKIPPED: detection: neither data nor model are there: ${data} (set TIDEMERGE_SHARED)\n`);
    return;
  }
  const report = await Report.start('detection', options);
  const [train, test] = ['train', 'test'].map((part) => join(data, part, `${CHANNEL}.npy.gz`)) as [string, string];
  const folder = temporaryFolder();
  const series = (await readSamples(test)).samples[0]!;
  const labels = labelsOf(readFileSync(join(data, 'labeled_anomalies.csv'), 'utf8'), series.shape[0]);
  const labelFile = join(folder, 'labels.csv');
  writeFileSync(labelFile, `label\n${labels.join('\n')}\n`);
  const normal = (await readSamples(train)).samples[0]!;
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ ...PUBLISHED, ...standardization(normal) }));
  const model = join(folder, 'model');
  tidemerge('convert', 'sbt', checkpoint, '-c', config, '-o', model);
  const rows = PROTOCOLS.map((protocol): Row => {
    const args = [
      '-m',
      model,
      '--train',
      train,
      '--level',
      String(LEVEL),
      '--labels',
      labelFile,
      '--protocol',
      protocol,
    ];
    const { summary } = JSON.parse(
      tidemerge('detect', test, ...args, '--json')
        .trimEnd()
        .split('\n')
        .at(-1)!,
    );
    return {
      scores: "the authors' dense model",
      ...row(protocol, summary.points, summary.range_based),
      threshold: summary.threshold,
      'flagged steps': summary.anomalous,
    };
  });
  const window = PUBLISHED.w;
  const drawn = PROTOCOLS.map((protocol) => random(protocol, labels, normal.shape[0] - window + 1, window));
  report.table(`SMAP ${CHANNEL}, ${series.shape[0]} steps, quantile ${LEVEL}`, [...rows, ...drawn]);
  report.finish();
}

/** Sizes of the published script. */
const PUBLISHED = { task: 'anomaly', m: 25, w: 200, d: 100, layers: 2, heads: 2, ffn: 16 } as const;

function tidemerge(...args: string[]): string {
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`tidemerge ${args[0]}: exit code ${status}: ${stderr}`);
  return stdout;
}

/** Both ends of the published ranges belong to the anomaly. */
function labelsOf(csv: string, steps: number): Uint8Array {
  const line = csv.split('\n').find((text) => text.startsWith(`${CHANNEL},SMAP,`))!;
  const ranges = JSON.parse(/"(\[\[.*?\]\])"/.exec(line)![1]!) as [number, number][];
  return Uint8Array.from({ length: steps }, (_, t) => Number(ranges.some(([from, to]) => t >= from && t <= to)));
}

/** As the published loader has it: of the training data, the scale of a constant variable 1. */
function standardization({ data, shape: [length, variables] }: Sample): { mean: number[]; scale: number[] } {
  const mean: number[] = [];
  const scale: number[] = [];
  for (let v = 0; v < variables; v++) {
    let [sum, squares] = [0, 0];
    for (let t = 0; t < length; t++) sum += data[t * variables + v]!;
    for (let t = 0; t < length; t++) squares += (data[t * variables + v]! - sum / length) ** 2;
    mean.push(sum / length);
    scale.push(Math.sqrt(squares / length) || 1);
  }
  return { mean, scale };
}

interface Figures {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

function row(protocol: string, points: Figures, ranges: Figures): Row {
  return {
    protocol,
    precision: points.precision,
    recall: points.recall,
    F1: points.f1,
    'precision of ranges': ranges.precision,
    'recall of ranges': ranges.recall,
    'F1 of ranges': ranges.f1,
  };
}

/** What scores without any meaning reach: means of some draws. */
function random(protocol: (typeof PROTOCOLS)[number], labels: Uint8Array, count: number, window: number): Row {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const results = Array.from({ length: DRAWS }, () => {
    const trainScores = Float64Array.from({ length: count }, next);
    const testScores = Float64Array.from(labels, (_, t) => (t < window - 1 ? NaN : next()));
    return evaluateDetection({ trainScores, testScores, labels, level: LEVEL, protocol });
  });
  const mean = (of: (result: (typeof results)[number]) => number) =>
    results.reduce((sum, result) => sum + of(result), 0) / DRAWS;
  const figures = (kind: 'points' | 'ranges'): Figures => ({
    precision: mean((result) => result[kind].precision),
    recall: mean((result) => result[kind].recall),
    f1: mean((result) => result[kind].f1),
  });
  return { scores: `random, mean of ${DRAWS} draws`, ...row(protocol, figures('points'), figures('ranges')) };
}
