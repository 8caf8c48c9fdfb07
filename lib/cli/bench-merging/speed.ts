import { median, sortedQuantile } from '../../analysis/bootstrap.js';

/** Two ways to do the same work, measured in turns. */
export interface PairTimes {
  /** Median of the rounds, milliseconds a call. */
  readonly reference: number;
  readonly other: number;
  /** Time of the reference over time of the other, of every round: median and quartiles. Above 1: the other is faster. */
  readonly speedup: { readonly median: number; readonly low: number; readonly high: number };
}

export interface SpeedOptions {
  readonly rounds: number;
  /** Milliseconds a turn should take at least. */
  readonly turn: number;
  readonly now?: () => number;
}

/**
 * Times two calls in turns: A B, B A, A B … What slows the machine for longer than a round slows both, and cancels out of
 * the round's ratio.
 */
export async function interleave(
  reference: () => Promise<unknown>,
  other: () => Promise<unknown>,
  { rounds, turn, now = () => performance.now() }: SpeedOptions,
): Promise<PairTimes> {
  const burst = async (call: () => Promise<unknown>, count: number) => {
    const start = now();
    for (let i = 0; i < count; i++) await call();
    return (now() - start) / count;
  };
  const calls = [reference, other] as const;
  const counts: number[] = [];
  for (const call of calls) {
    await burst(call, 1); // warm
    counts.push(Math.max(1, Math.min(1000, Math.ceil(turn / Math.max(1e-3, await burst(call, 1))))));
  }
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      times[side].push(await burst(calls[side], counts[side]!));
    }
  }
  const ratios = times[0].map((time, round) => time / times[1][round]!).sort((a, b) => a - b);
  return {
    reference: median(times[0]),
    other: median(times[1]),
    speedup: {
      median: sortedQuantile(ratios, 0.5),
      low: sortedQuantile(ratios, 0.25),
      high: sortedQuantile(ratios, 0.75),
    },
  };
}
