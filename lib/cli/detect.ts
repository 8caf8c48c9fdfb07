import { writeFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { type Command, Option } from 'commander';
import { type DetectionProtocol, type DetectionQuality, judgeFlags } from '../analysis/anomaly/evaluate.js';
import { segmentsOf } from '../analysis/anomaly/flags.js';
import { TidemergeError } from '../errors.js';
import type { SampleSet } from '../io/index.js';
import { AnomalyDetector, type Detection } from '../tasks/anomaly-detector.js';
import { type DetectionSummary, detectionObject, detectionText, type ThresholdSource } from './detect-report.js';
import { detectSvg } from './detect-svg.js';
import { EXIT } from './exit-codes.js';
import { finite, fraction, words } from './options.js';
import { ProgressBar } from './progress.js';
import {
  addNetworkOptions,
  checkVariables,
  loadOptions,
  type NetworkCommandOptions,
  readInput,
} from './sample-input.js';
import { type LabelOptions, stepLabels } from './step-labels.js';
import { isFile, writeLines } from './write-lines.js';

interface DetectCommandOptions extends NetworkCommandOptions, LabelOptions {
  readonly train?: string;
  readonly threshold?: number;
  readonly level?: number;
  readonly protocol: DetectionProtocol;
  readonly saveThreshold?: boolean;
  readonly output?: string;
  readonly plot?: readonly 'svg'[];
  readonly json?: boolean;
}

const DEFAULT_LEVEL = 0.99;
const MAX_CHARTS = 24;

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Adds `detect` to the program. */
export function defineDetect(program: Command, signal: AbortSignal): void {
  const command = program
    .command('detect')
    .description('score every step of a series and name the anomalies; data goes to stdout, everything else to stderr')
    .argument(
      '<file>',
      'a table (a column per variable), .npy, .ts or .arff, plain or gzipped; - reads standard input',
    );
  addNetworkOptions(command)
    .option('--train <file>', 'normal data, whose scores give the threshold')
    .option('--level <share>', `quantile of those scores that is the threshold (default: ${DEFAULT_LEVEL})`, fraction)
    .option('--threshold <score>', 'scores above it are anomalies', finite)
    .option('--save-threshold', 'store what --train gave in the config.json of the model')
    .addOption(
      new Option('--protocol <name>', 'paper: the threshold sees the series it judges, found anomalies are completed')
        .choices(['honest', 'paper'])
        .default('honest'),
    )
    .option('--label-column <name>', 'column of the table with 1 for anomalous steps and 0 for others')
    .option('--labels <file>', 'file with a label for every step, instead of a column')
    .option('-o, --output <file>', 'write to a file')
    .option('-p, --plot <kind>', 'svg: scores, threshold and anomalies, beside the output', words(['svg']))
    .option('--json', 'a JSON object per step and line instead of CSV, and a summary in the last line')
    .action(async (file: string, options: DetectCommandOptions) => {
      process.exitCode = await detect(file, options, signal);
    });
}

/** Runs `tidemerge detect` and returns the process's exit code. */
export async function detect(path: string, options: DetectCommandOptions, signal: AbortSignal): Promise<number> {
  checkOptions(options);
  const { inputFormat, labelColumn, train, level, protocol, output } = options;
  const set = await readInput(path, inputFormat, labelColumn === undefined ? {} : { labelColumn });
  const labels = await stepLabels(path, set, options);
  const normal = train === undefined ? undefined : await readTrain(train, set, options);
  const detector = await AnomalyDetector.fromPretrained(options.model, loadOptions(options, signal));
  try {
    checkVariables(path, set, detector.numVariables);
    const source = await prepare(detector, normal, options, signal);
    const detections = await withBar('scoring', (onProgress) =>
      detector.detect(set.samples, { threshold: options.threshold, protocol, signal, onProgress }),
    );
    checkScored(path, detections, detector.windowLength);
    const quality = labels && judgeFlags(detections[0]!.isAnomaly, labels, protocol);
    const summary = summarize(detections, source, { level: normal && (level ?? DEFAULT_LEVEL), quality });
    await writeLines(lines(detections, options.json ? summary : undefined), output);
    say(detectionText(summary));
    if (options.plot) plot(path, detections, labels, output);
    if (isFile(output)) say(`wrote ${output}`);
    return EXIT.ok;
  } finally {
    await detector.dispose();
  }
}

function checkOptions({
  train,
  threshold,
  level,
  protocol,
  saveThreshold,
  labels,
  labelColumn,
}: DetectCommandOptions): void {
  const expect = (holds: boolean, message: string) => {
    if (!holds) throw new TidemergeError('ERR_INVALID_ARGUMENT', `detect: ${message}`);
  };
  expect(train === undefined || threshold === undefined, 'expected one of --train and --threshold, got both');
  expect(labels === undefined || labelColumn === undefined, 'expected one of --labels and --label-column, got both');
  if (train !== undefined) return;
  expect(level === undefined, '--level: expected --train <file of normal data> with it');
  expect(saveThreshold !== true, '--save-threshold: expected --train <file of normal data> with it');
  expect(protocol !== 'paper', '--protocol paper: expected --train <file of normal data> with it');
}

/** The variables of the series; a table's column of labels is none of them. */
function readTrain(train: string, set: SampleSet, { labelColumn }: DetectCommandOptions): Promise<SampleSet> {
  const columns = labelColumn === undefined ? undefined : set.variableNames;
  return readInput(train, undefined, columns ? { columns } : {});
}

/** Sees to it that there is a threshold, and says where it comes from. */
async function prepare(
  detector: AnomalyDetector,
  normal: SampleSet | undefined,
  { train, threshold, level = DEFAULT_LEVEL, protocol, saveThreshold }: DetectCommandOptions,
  signal: AbortSignal,
): Promise<ThresholdSource> {
  if (threshold !== undefined) return { kind: 'given' };
  if (normal) {
    checkVariables(train!, normal, detector.numVariables);
    const { scores } = await withBar('calibrating', (onProgress) =>
      detector.calibrate(normal.samples, { level, signal, onProgress }),
    );
    if (saveThreshold) detector.saveThreshold();
    return { kind: protocol === 'paper' ? 'train-and-series' : 'train', scores };
  }
  if (detector.threshold !== undefined) return { kind: 'model' };
  throw new TidemergeError(
    'ERR_INVALID_ARGUMENT',
    'detect: expected --train <file of normal data>, --threshold, or a model with a stored threshold, got none of them',
  );
}

async function withBar<T>(
  label: string,
  run: (onProgress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const bar = new ProgressBar(label);
  try {
    return await run((done, total) => bar.update(done, total));
  } finally {
    bar.clear();
  }
}

function checkScored(path: string, detections: readonly Detection[], windowLength: number): void {
  if (detections.some(({ score }) => score.some((value) => !Number.isNaN(value)))) return;
  const expected = `a window of ${windowLength} steps without a missing value`;
  throw new TidemergeError('ERR_BAD_DATA', `${path}: expected ${expected}, got none`);
}

function summarize(
  detections: readonly Detection[],
  source: ThresholdSource,
  { level, quality }: { level: number | undefined; quality: DetectionQuality | undefined },
): DetectionSummary {
  const { protocol, threshold } = detections[0]!;
  const sum = (of: (detection: Detection) => number) => detections.reduce((total, one) => total + of(one), 0);
  return {
    protocol,
    threshold,
    source,
    level,
    steps: sum(({ score }) => score.length),
    scored: sum(({ score }) => score.filter((value) => !Number.isNaN(value)).length),
    anomalous: sum(({ isAnomaly }) => isAnomaly.reduce((total, flag) => total + flag, 0)),
    ranges: sum(({ isAnomaly }) => segmentsOf(isAnomaly).length),
    quality,
  };
}

/** A line for every step; a column tells the series where there are several. */
function* lines(detections: readonly Detection[], summary: DetectionSummary | undefined): Generator<string> {
  const several = detections.length > 1;
  if (!summary) yield `${several ? 'series,' : ''}step,score,is_anomaly`;
  for (const [series, { score, isAnomaly }] of detections.entries()) {
    for (const [step, value] of score.entries()) {
      const known = !Number.isNaN(value);
      const flag = isAnomaly[step]!;
      yield summary
        ? JSON.stringify({ ...(several && { series }), step, score: known ? value : null, is_anomaly: flag === 1 })
        : `${several ? `${series},` : ''}${step},${known ? value : ''},${flag}`;
    }
  }
  if (summary) yield JSON.stringify({ summary: detectionObject(summary) });
}

function plot(source: string, detections: readonly Detection[], labels: Uint8Array | undefined, output?: string): void {
  const name = source === '-' ? 'series' : basename(source);
  const charts = detections.slice(0, MAX_CHARTS).map(({ protocol, ...detection }, i) => {
    const which = detections.length > 1 ? `${name}, series ${i}` : name;
    return { title: `${which}: score, protocol ${protocol}`, labels, ...detection };
  });
  const base = isFile(output) ? output : `${name.slice(0, name.length - extname(name).length)}_anomalies`;
  const path = `${base.slice(0, base.length - extname(base).length)}.svg`;
  writeFileSync(path, detectSvg(charts));
  say(`wrote ${path}`);
  if (detections.length > MAX_CHARTS) say(`(charts of the first ${MAX_CHARTS} of ${detections.length} series)`);
}
