import { median, quantile } from './numbers.js';

/*
 * Two ways of this process to do the same work, in turns: A B, B A, A B. What disturbs the machine for longer than a round
 * disturbs both. For contenders that share a loaded model; others get a process of their own (interleave.ts).
 */

export interface TurnsResult {
  /** Milliseconds a run: medians of the rounds. */
  readonly a: number;
  readonly b: number;
  /** Time of a over time of b, of every round: median and quartiles. Above 1: b is faster. */
  readonly ratio: { readonly median: number; readonly low: number; readonly high: number };
  /** The same of processor time of all threads: it does not count waiting for a processor. */
  readonly cpuRatio: number;
}

interface Turn {
  readonly ms: number;
  readonly cpu: number;
}

export async function inTurns(
  a: () => Promise<unknown>,
  b: () => Promise<unknown>,
  { rounds, turn }: { readonly rounds: number; readonly turn: number },
): Promise<TurnsResult> {
  const counts: number[] = [];
  for (const run of [a, b]) {
    await run(); // warm
    counts.push(Math.max(1, Math.round(turn / (await take(run, 1)).ms)));
  }
  const turns: { a: Turn; b: Turn }[] = [];
  for (let round = 0; round < rounds; round++) {
    const forward = round % 2 === 0;
    const first = await take(...(forward ? ([a, counts[0]!] as const) : ([b, counts[1]!] as const)));
    const second = await take(...(forward ? ([b, counts[1]!] as const) : ([a, counts[0]!] as const)));
    turns.push(forward ? { a: first, b: second } : { a: second, b: first });
  }
  return compare(turns);
}

function compare(turns: readonly { readonly a: Turn; readonly b: Turn }[]): TurnsResult {
  const ratios = turns.map((own) => own.a.ms / own.b.ms);
  return {
    a: median(turns.map((own) => own.a.ms)),
    b: median(turns.map((own) => own.b.ms)),
    ratio: { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) },
    cpuRatio: median(turns.map((own) => own.a.cpu / own.b.cpu)),
  };
}

/**
 * Every one of `others` against `base`, with one run of each in a round: base B C D, B C D base, … For runs that take
 * seconds; base is run once for all.
 */
export async function manyInTurns(
  base: () => Promise<unknown>,
  others: readonly (() => Promise<unknown>)[],
  rounds: number,
): Promise<TurnsResult[]> {
  const runs = [base, ...others];
  for (const run of runs) await run(); // warm
  const turns: Turn[][] = [];
  for (let round = 0; round < rounds; round++) {
    const own: Turn[] = [];
    for (let i = 0; i < runs.length; i++) {
      const at = (i + round) % runs.length;
      own[at] = await take(runs[at]!, 1);
    }
    turns.push(own);
  }
  return others.map((_, i) => compare(turns.map((own) => ({ a: own[0]!, b: own[i + 1]! }))));
}

async function take(run: () => Promise<unknown>, count: number): Promise<Turn> {
  const before = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < count; i++) await run();
  const ms = (performance.now() - start) / count;
  const { user, system } = process.cpuUsage(before);
  return { ms, cpu: (user + system) / 1e3 / count };
}
