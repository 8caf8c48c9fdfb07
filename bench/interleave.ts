import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, quantile } from './numbers.js';

/*
 * Two contenders, each a process of its own, run in turns: A B A B. What disturbs the machine for longer than a turn
 * then disturbs both, and the ratio within a round is worth more than two times taken apart.
 */

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Burst {
  readonly ms: readonly number[];
  /** Milliseconds of processor time of a run, all threads together. */
  readonly cpu: number;
  /** Share of the machine that neither the contender nor we used nor left idle. */
  readonly others: number;
}

/** None survives us. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill();
});

/** A contender's process; see serve.ts for what it says. */
export class Peer {
  readonly name: string;
  /** Undefined: it can run. */
  readonly absent: string | undefined;
  readonly info: Readonly<Record<string, unknown>>;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #repetitions = new Map<string, number>();

  private constructor(name: string, child: ChildProcess, lines: AsyncIterator<string>, first: string) {
    this.name = name;
    this.#child = child;
    this.#lines = lines;
    const [kind] = first.split(' ', 1);
    const rest = first.slice(first.indexOf(' ') + 1);
    this.absent = kind === 'READY' ? undefined : rest;
    this.info = kind === 'READY' ? JSON.parse(rest) : {};
  }

  static async start(name: string, { program, args, env }: Command): Promise<Peer> {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', process.env.BENCH_DEBUG ? 'inherit' : 'ignore'],
      env: { ...process.env, ...env },
    });
    const failed = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`ABSENT ${error.message}`));
      child.once('exit', () => resolve('ABSENT it ended without a word (BENCH_DEBUG=1 shows why)'));
    });
    child.stdin!.on('error', () => {}); // the answer that does not come says it
    running.add(child);
    child.once('exit', () => running.delete(child));
    const reader: Interface = createInterface({ input: child.stdout! });
    const lines = reader[Symbol.asyncIterator]();
    const first = await Promise.race([nextOf(lines, ['READY', 'ABSENT']), failed]);
    return new Peer(name, child, lines, first);
  }

  can(workload: string): boolean {
    return (this.info.workloads as string[] | undefined)?.includes(workload) ?? false;
  }

  /** One turn: about half a second of runs, at least one. */
  async burst(workload: string): Promise<Burst> {
    let repetitions = this.#repetitions.get(workload);
    if (!repetitions) {
      await this.#run(workload, 1); // warm
      repetitions = Math.max(1, Math.min(50, Math.round(500 / median((await this.#run(workload, 2)).ms))));
      this.#repetitions.set(workload, repetitions);
    }
    return this.turn(workload, repetitions);
  }

  /** A turn of that many runs; nothing is done beforehand. */
  async turn(workload: string, repetitions: number): Promise<Burst> {
    await sleep(100); // worker threads of whoever ran before go to sleep
    const before = { machine: machineSeconds(), own: process.cpuUsage() };
    const start = performance.now();
    const { ms, cpu } = await this.#run(workload, repetitions);
    const wall = (performance.now() - start) / 1e3;
    const { user, system } = process.cpuUsage(before.own);
    const after = machineSeconds();
    const idle = after.idle - before.machine.idle;
    const others = wall * after.processors - idle - cpu - (user + system) / 1e6;
    return { ms, cpu: (1e3 * cpu) / ms.length, others: Math.max(0, others / (wall * after.processors)) };
  }

  /** A result to compare with those of others. */
  async output(name: string, file: string): Promise<Float32Array> {
    await this.#ask(`OUT\t${name}\t${file}`, 'WROTE');
    const bytes = readFileSync(file);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }

  close(): void {
    this.#child.stdin!.end();
    this.#child.kill();
  }

  async #run(workload: string, count: number): Promise<{ ms: number[]; cpu: number }> {
    return JSON.parse(await this.#ask(`RUN\t${workload}\t${count}`, 'TIMES'));
  }

  async #ask(line: string, answer: string): Promise<string> {
    this.#child.stdin!.write(`${line}\n`);
    const text = await nextOf(this.#lines, [answer]);
    if (!text.startsWith(answer)) throw new Error(`${this.name}: ended at ${JSON.stringify(line)}`);
    return text.slice(answer.length + 1);
  }
}

/** The next line that begins with one of the words; libraries may print others. */
async function nextOf(lines: AsyncIterator<string>, words: readonly string[]): Promise<string> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return 'ABSENT it ended';
    if (words.some((word) => value.startsWith(word))) return value;
  }
}

function machineSeconds(): { idle: number; processors: number } {
  const all = cpus();
  return { idle: all.reduce((sum, { times }) => sum + times.idle / 1e3, 0), processors: all.length };
}

export interface PairOptions {
  /** Undisturbed rounds wanted. */
  readonly rounds: number;
  /** Seconds after which disturbed rounds must do. */
  readonly wait: number;
  /** Share of the machine others may have. */
  readonly calm: number;
}

export interface PairResult {
  /** Milliseconds: best of all runs, and the median of the rounds. */
  readonly a: { readonly best: number; readonly median: number };
  readonly b: { readonly best: number; readonly median: number };
  /** Time of b over time of a, of every round: median and quartiles. Above 1: a is faster. */
  readonly ratio: { readonly median: number; readonly low: number; readonly high: number };
  /** The same of processor time: it does not count waiting for a processor, and it counts every thread. */
  readonly cpuRatio: number;
  readonly rounds: number;
  /** Others' share of the machine in the middle round. */
  readonly others: number;
  /** There were not enough calm rounds, so all were taken. */
  readonly disturbed: boolean;
}

interface Round {
  readonly a: number;
  readonly b: number;
  readonly best: readonly [number, number];
  readonly cpuRatio: number;
  readonly others: number;
}

export async function interleave(a: Peer, b: Peer, workload: string, options: PairOptions): Promise<PairResult> {
  const { rounds: wanted, wait, calm } = options;
  const rounds: Round[] = [];
  const calmRounds = () => rounds.filter(({ others }) => others <= calm);
  const end = performance.now() + wait * 1e3;
  while (rounds.length < wanted || (calmRounds().length < wanted && performance.now() < end)) {
    // Who begins alternates, so that neither always runs in the other's wake.
    const forward = rounds.length % 2 === 0;
    const bursts = new Map<Peer, Burst>();
    for (const peer of forward ? [a, b] : [b, a]) bursts.set(peer, await peer.burst(workload));
    const [first, second] = [bursts.get(a)!, bursts.get(b)!];
    rounds.push({
      a: median(first.ms),
      b: median(second.ms),
      best: [Math.min(...first.ms), Math.min(...second.ms)],
      cpuRatio: second.cpu / first.cpu,
      others: Math.max(first.others, second.others),
    });
  }
  const disturbed = calmRounds().length < Math.min(wanted, 3);
  const used = disturbed ? rounds : calmRounds();
  const ratios = used.map((round) => round.b / round.a);
  return {
    a: { best: Math.min(...used.map(({ best }) => best[0])), median: median(used.map((round) => round.a)) },
    b: { best: Math.min(...used.map(({ best }) => best[1])), median: median(used.map((round) => round.b)) },
    ratio: { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) },
    cpuRatio: median(used.map((round) => round.cpuRatio)),
    rounds: used.length,
    others: median(used.map(({ others }) => others)),
    disturbed,
  };
}
