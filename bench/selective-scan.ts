import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectClose } from './compare.js';
import type { Peer } from './interleave.js';
import { createBackend } from './internals.js';
import { difference, ROUNDOFF, randomArray } from './numbers.js';
import { Report, type Row } from './report.js';
import { bestOf, boundOf, measureRates } from './scan-bound.js';
import {
  arraysOf,
  D_STATE,
  nameOf,
  numbersOf,
  type ScanCase,
  scanAlone,
  scanCall,
  scanInJavaScript,
} from './scan-case.js';
import { besideTorch, type PeerOptions, ratioColumns, turnsBesideTorch } from './torch-peer.js';
import { temporaryFolder } from './workspace.js';

/*
 * The selective scan of a Mamba block, with one and two threads: against what the machine's arithmetic and memory allow,
 * against plain JavaScript that does the same in one pass, and against PyTorch. Time against length.
 */

interface ScanOptions extends PeerOptions {
  readonly full?: boolean;
  readonly only?: string;
}

/** Larger ones need more memory than a small machine has. */
const MOST_ELEMENTS = 2 ** 26;

export async function run(options: ScanOptions): Promise<void> {
  const report = await Report.start('selective-scan', options);
  const cases = casesOf(options);
  const numbers = randomArray(Math.max(...cases.map(numbersOf)), 1);
  if (options.only !== 'torch') await againstTheBound(report, numbers, cases, options);
  if (options.only !== 'bound') await againstTorch(report, numbers, cases, options);
  report.finish();
}

function casesOf({ quick, full }: ScanOptions): ScanCase[] {
  const lengths = full ? [512, 2048, 8192, 32768, 65536] : quick ? [512, 2048] : [512, 4096, 16384];
  const sizes = [1, 8].flatMap((batch) => [512, 1536].map((dInner) => ({ batch, dInner })));
  const wanted = sizes.flatMap((size) => lengths.map((length) => ({ ...size, length })));
  const most = full ? MOST_ELEMENTS : quick ? 2 ** 21 : 2 ** 24;
  return wanted.filter(({ batch, dInner, length }) => batch * dInner * length <= most);
}

async function againstTheBound(
  report: Report,
  numbers: Float32Array,
  cases: readonly ScanCase[],
  { quick }: ScanOptions,
): Promise<void> {
  const seconds = quick ? 0.3 : 1;
  const backends = await Promise.all([1, 2].map((threads) => createBackend({ threads })));
  const rates = await measureRates(backends[0]!, seconds);
  const shown = `${rates.multiplyAdds.toFixed(1)} multiply-adds and ${rates.bytes.toFixed(1)} bytes a nanosecond`;
  report.say(`\none core: ${shown}`);
  const rows: Row[] = [];
  const times: { size: ScanCase; threads: number; ms: number }[] = [];
  for (const size of cases) {
    const arrays = arraysOf(numbers, size);
    const javaScript = scanInJavaScript(arrays, size);
    const expected = javaScript().slice();
    const tuned = await bestOf(javaScript, seconds);
    for (const backend of backends) {
      const { threads } = backend;
      const call = scanCall(backend, arrays, size);
      const { largest } = difference(call().y.data, expected);
      // The decays forget: a state is a sum of few steps. Each adds about 16 roundings of values up to the largest.
      const bound = 16 * (D_STATE + 16) * ROUNDOFF * expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      expectClose(`${nameOf(size)}: ${threads} threads`, largest, bound);
      const alone = await scanAlone(backend, arrays, size);
      const ms = await bestOf(alone.run, seconds);
      alone.dispose();
      const called = await bestOf(call, seconds);
      times.push({ size, threads, ms });
      rows.push({
        ...{ channels: size.dInner, steps: size.length, batch: size.batch, threads, 'operator ms': ms },
        'ns an element': (ms * 1e6) / expected.length,
        'of the bound': boundOf(size, rates) / threads / ms,
        ...{ 'call ms': called, 'JavaScript ms': tuned, 'speed-up': tuned / ms, 'speed-up of a call': tuned / called },
        ...{ 'largest error': largest, 'allowed error': bound },
      });
    }
  }
  report.table(`selectiveScan, ${D_STATE} states, best times`, rows);
  report.table('time against length: slope of the logarithms (1: linear)', slopes(times));
  for (const backend of backends) backend.dispose();
}

/** Least squares over the lengths of one width, batch and number of threads. */
function slopes(times: readonly { size: ScanCase; threads: number; ms: number }[]): Row[] {
  const groups = new Map<string, [x: number, y: number][]>();
  for (const { size, threads, ms } of times) {
    const key = `${size.dInner} channels, batch ${size.batch}, ${threads} threads`;
    groups.set(key, [...(groups.get(key) ?? []), [Math.log(size.length), Math.log(ms)]]);
  }
  return [...groups].flatMap(([name, points]) => {
    if (points.length < 2) return [];
    const mean = (of: (point: [number, number]) => number) => points.reduce((sum, p) => sum + of(p), 0) / points.length;
    const [x, y] = [mean(([a]) => a), mean(([, b]) => b)];
    const slope = mean(([a, b]) => (a - x) * (b - y)) / mean(([a]) => (a - x) ** 2);
    return [{ name, lengths: points.length, slope }];
  });
}

async function againstTorch(
  report: Report,
  numbers: Float32Array,
  all: readonly ScanCase[],
  options: ScanOptions,
): Promise<void> {
  // Its loop over steps takes seconds beyond.
  const cases = all.filter(({ length, dInner, batch }) => length * dInner * batch <= 2 ** 23 && length <= 8192);
  const file = join(temporaryFolder(), 'numbers.f32');
  writeFileSync(file, numbers);
  const args = (threads: string) => [file, threads, ...cases.map(nameOf)];
  await besideTorch(report, { worker: 'scan.js', script: 'torch_scan.py', args }, options, async (ours, torch) => {
    const rows: Row[] = [];
    for (const size of cases) rows.push(await pair(numbers, size, ours, torch, options));
    return rows;
  });
}

async function pair(
  numbers: Float32Array,
  size: ScanCase,
  ours: Peer,
  torch: Peer,
  options: ScanOptions,
): Promise<Row> {
  const name = nameOf(size);
  const expected = scanInJavaScript(arraysOf(numbers, size), size)();
  const { largest } = difference(await torch.output(name, join(temporaryFolder(), 'y.f32')), expected);
  const bound = 16 * (D_STATE + 16) * ROUNDOFF * expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  expectClose(`torch: ${name}`, largest, bound);
  const result = await turnsBesideTorch(ours, torch, name, options, { rounds: 3, wait: 5 });
  return {
    ...{ channels: size.dInner, steps: size.length, batch: size.batch },
    'native call ms': result.a.median,
    'torch ms': result.b.median,
    ...ratioColumns(result),
  };
}
