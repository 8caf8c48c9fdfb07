import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { embeddedModels, Forecaster } from 'tidemerge';
import { quantile, randomSeries } from './numbers.js';
import { writeChronosT5 } from './random-model.js';
import { type Options, Report, type Row } from './report.js';
import { temporaryFolder } from './workspace.js';

/*
 * How late a 5 ms timer of the JavaScript thread is while a batch of a second or more runs. Threads that compute take
 * processors from the JavaScript thread, which is the system's doing; the control shows how much that is: as many worker
 * threads that only spin. What a call itself holds up the JavaScript thread for is its synchronous part.
 */

const PERIOD = 5;
const CONTEXT = 512;

interface Lateness {
  readonly ticks: number;
  readonly median: number;
  readonly p99: number;
  readonly worst: number;
  /** Milliseconds the loop was not waiting, per tick: the timer's own work is in it. */
  readonly active: number;
}

export async function run(options: Options): Promise<void> {
  const report = await Report.start('event-loop', options);
  const tiny = writeChronosT5(temporaryFolder(), 'tiny');
  for (const threads of [1, 2]) {
    const rows = [
      ...(await measure(embeddedModels()[0]!, threads, options.quick ? 1 : 3)),
      ...(await measure(tiny, threads, options.quick ? 1 : 3)),
    ];
    report.table(`lateness in ms of a ${PERIOD} ms timer, ${threads} thread${threads > 1 ? 's' : ''}`, rows);
  }
  report.finish();
}

async function measure(model: string, threads: number, rounds: number): Promise<Row[]> {
  const forecaster = await Forecaster.fromPretrained(model, { threads });
  const { inputs, seconds } = await secondOfWork(forecaster);
  const calls: number[] = [];
  const work = () => {
    const start = performance.now();
    const result = forecaster.predict(inputs, { seed: 1 });
    calls.push(performance.now() - start);
    return result;
  };
  const all = new Map<string, Lateness[]>([
    ['idle', []],
    ['spinning worker threads', []],
    [`${forecaster.modelName}, ${inputs.length} series`, []],
  ]);
  const [idle, control, ours] = [...all.values()] as [Lateness[], Lateness[], Lateness[]];
  for (let i = 0; i < rounds; i++) {
    idle.push(await lateness(() => sleep(seconds * 1e3)));
    control.push(await lateness(() => spin(threads, seconds)));
    ours.push(await lateness(work));
  }
  await forecaster.dispose();
  return [...all].map(([name, found]) => ({
    meanwhile: name,
    ticks: found.reduce((sum, { ticks }) => sum + ticks, 0),
    median: quantile(
      found.map((one) => one.median),
      0.5,
    ),
    'p 99': quantile(
      found.map((one) => one.p99),
      0.5,
    ),
    worst: Math.max(...found.map(({ worst }) => worst)),
    'active ms a tick': quantile(
      found.map(({ active }) => active),
      0.5,
    ),
    ...(found === ours && { 'call returns after': Math.max(...calls), seconds }),
  }));
}

/** As many series as one call needs a second for. */
async function secondOfWork(forecaster: Forecaster) {
  const series = randomSeries(CONTEXT);
  for (let count = 1; ; count *= 2) {
    const inputs = Array.from({ length: count }, () => series);
    const start = performance.now();
    await forecaster.predict(inputs, { seed: 1 });
    const seconds = (performance.now() - start) / 1e3;
    if (seconds >= 1.2) return { inputs, seconds };
  }
}

async function lateness(work: () => Promise<unknown>): Promise<Lateness> {
  const late: number[] = [];
  let due = performance.now() + PERIOD;
  let timer = setTimeout(tick, PERIOD);
  function tick() {
    const now = performance.now();
    late.push(Math.max(0, now - due));
    due = now + PERIOD;
    timer = setTimeout(tick, PERIOD);
  }
  const before = performance.eventLoopUtilization();
  await work();
  // A tick that is overdue when the work ends is late too.
  late.push(Math.max(0, performance.now() - due));
  const { active } = performance.eventLoopUtilization(before);
  clearTimeout(timer);
  return {
    ticks: late.length,
    median: quantile(late, 0.5),
    p99: quantile(late, 0.99),
    worst: Math.max(...late),
    active: active / late.length,
  };
}

/** Threads of this process that compute and never touch the JavaScript thread. */
async function spin(threads: number, seconds: number): Promise<void> {
  const code = `const end = performance.now() + ${seconds * 1e3}; let x = 1; while (performance.now() < end) for (let i = 0; i < 1e5; i++) x = Math.sin(x);`;
  await Promise.all(
    Array.from({ length: threads }, () => {
      const worker = new Worker(code, { eval: true });
      return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    }),
  );
}
