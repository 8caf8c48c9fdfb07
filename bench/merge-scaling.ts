import { writeFileSync } from 'node:fs';
import type { Backend } from './internals.js';
import { type Curve, logLogSvg } from './log-log-svg.js';
import { mergeShape, mergesAlone, together } from './merge-case.js';
import type { MergeOptions } from './merge-operator.js';
import { median, randomArray } from './numbers.js';
import type { Report, Row } from './report.js';

/*
 * How the time of a merge grows with the tokens of a series.
 */

const CHANNELS = 64;
const NEIGHBOURHOODS = [1, 8] as const;
/** The exponent is fitted from here on: below, what every call costs shows. */
const FIT_FROM = 2048;

export async function measureScaling(
  report: Report,
  backends: readonly Backend[],
  options: MergeOptions,
): Promise<void> {
  const lengths = Array.from({ length: options.quick ? 6 : 10 }, (_, i) => 512 << i);
  const rounds = Number(options.rounds ?? (options.quick ? 5 : 9));
  const numbers = randomArray(lengths.at(-1)! * CHANNELS, 3);
  const curves: Curve[] = [];
  for (const backend of backends) {
    for (const k of NEIGHBOURHOODS) {
      const name = `k ${k}, ${backend.threads} thread${backend.threads > 1 ? 's' : ''}`;
      const points = await measure(backend, numbers, k, lengths, rounds);
      curves.push({ name, points });
      report.table(
        `time against tokens, d ${CHANNELS}, ${name}: exponent ${exponent(points).toFixed(3)}`,
        rowsOf(points),
      );
    }
  }
  const path = options.svg ?? 'merge_scaling.svg';
  writeFileSync(path, logLogSvg(`Local token merging, d = ${CHANNELS}: time of the operator`, curves));
  report.say(`\nplot: ${path}`);
}

type Point = Curve['points'][number];

/** Medians of rounds, each of which runs every length once, so that a disturbance of seconds meets all of them. */
async function measure(
  backend: Backend,
  numbers: Float32Array,
  k: number,
  lengths: readonly number[],
  rounds: number,
): Promise<Point[]> {
  const subjects = lengths.map((tokens) => ({
    tokens,
    run: mergesAlone(backend, numbers.subarray(0, tokens * CHANNELS), mergeShape(tokens, CHANNELS, k)),
    together: together(mergeShape(tokens, CHANNELS, k)),
    times: [] as number[],
  }));
  for (let round = -1; round < rounds; round++) {
    for (const { tokens, run, together, times } of subjects) {
      const count = Math.max(1, Math.round(2 ** 15 / tokens / together));
      const start = performance.now();
      for (let i = 0; i < count; i++) await run();
      if (round >= 0) times.push((performance.now() - start) / count / together); // the first one warms
    }
  }
  return subjects.map(({ tokens, times }) => ({ x: tokens, y: median(times) }));
}

/** Slope of log time over log tokens, least squares. */
function exponent(points: readonly Point[]): number {
  const logs = points.filter(({ x }) => x >= FIT_FROM).map(({ x, y }) => [Math.log(x), Math.log(y)] as const);
  const mean = (pick: 0 | 1) => logs.reduce((sum, own) => sum + own[pick], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, own) => sum + (own[0] - x) * (own[1] - y), 0);
  return covariance / logs.reduce((sum, own) => sum + (own[0] - x) ** 2, 0);
}

const rowsOf = (points: readonly Point[]): Row[] =>
  points.map(({ x, y }) => ({ tokens: x, ms: y, 'ns a token': (1e6 * y) / x }));
