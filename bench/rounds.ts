import type { Burst, Peer } from './interleave.js';
import { median, quantile } from './numbers.js';

/*
 * Several contenders in turns, A B C, B C A, C A B, as long as there is time: for work of which a single run may take
 * minutes. interleave.ts is for two and for short work.
 */

export interface RoundsOptions {
  /** At most so many; at least one. */
  readonly most: number;
  /** No round begins that would end later than that, judged by the last one. */
  readonly seconds: number;
  /** Runs of a turn. */
  readonly repetitions: number;
  /** A contender ended in its turn; it takes no further one. What this throws ends the rounds. */
  readonly onLost: (peer: Peer, error: unknown) => void;
}

export type Round = ReadonlyMap<Peer, Burst>;

export async function takeRounds(
  contenders: readonly Peer[],
  workload: string,
  { most, seconds, repetitions, onLost }: RoundsOptions,
): Promise<Round[]> {
  const lost = new Set<Peer>();
  const rounds: Round[] = [];
  const start = performance.now();
  let last = 0;
  while (rounds.length < most && (rounds.length === 0 || performance.now() - start + last <= seconds * 1e3)) {
    const begin = performance.now();
    const peers = contenders.filter((peer) => !lost.has(peer));
    const round = new Map<Peer, Burst>();
    for (let i = 0; i < peers.length; i++) {
      const peer = peers[(i + rounds.length) % peers.length]!;
      try {
        round.set(peer, await peer.turn(workload, repetitions));
      } catch (error) {
        onLost(peer, error);
        lost.add(peer);
      }
    }
    rounds.push(round);
    last = performance.now() - begin;
  }
  return rounds;
}

export interface Compared {
  /** Milliseconds a run: best of all runs, and the median of the rounds. */
  readonly best: number;
  readonly median: number;
  /** Time of this one over time of the other, of every round: median and quartiles. Above 1: the other is faster. */
  readonly ratio: { readonly median: number; readonly low: number; readonly high: number };
  /** The same of processor time of all threads. */
  readonly cpuRatio: number;
  /** Others' share of the machine in the middle turn of this one. */
  readonly others: number;
  /** Rounds both were in. */
  readonly count: number;
}

/** `peer` against `other` over the rounds both were in. */
export function compared(rounds: readonly Round[], peer: Peer, other: Peer): Compared {
  const both = rounds.filter((round) => round.has(peer) && round.has(other));
  const own = both.map((round) => round.get(peer)!);
  const theirs = both.map((round) => round.get(other)!);
  const ratios = own.map((burst, i) => median(burst.ms) / median(theirs[i]!.ms));
  return {
    best: Math.min(...own.flatMap(({ ms }) => ms)),
    median: median(own.map(({ ms }) => median(ms))),
    ratio: { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) },
    cpuRatio: median(own.map(({ cpu }, i) => cpu / theirs[i]!.cpu)),
    others: median(own.map(({ others }) => others)),
    count: both.length,
  };
}
