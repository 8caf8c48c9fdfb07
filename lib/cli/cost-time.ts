import { median, sortedQuantile } from '../analysis/bootstrap.js';
import { seededUniform } from '../analysis/seeded.js';
import type { LoadOptions } from '../models/load.js';
import { SbtModel } from '../models/sbt/model.js';
import { significant, textTable } from './text-table.js';

/** What was measured of one way to run the model. */
export interface TimedWay {
  readonly activations: 'float32' | 'int8';
  /** Samples, or windows, handed over in a call. */
  readonly perCall: number;
  /** Microseconds a sample: quartiles and median of the rounds. */
  readonly microseconds: { readonly median: number; readonly low: number; readonly high: number };
}

export interface MeasuredTime {
  readonly backend: string;
  readonly isa: string;
  readonly threads: number;
  readonly rounds: number;
  readonly ways: readonly TimedWay[];
}

export interface TimeOptions extends Pick<LoadOptions, 'threads' | 'isa' | 'signal'> {
  readonly rounds: number;
  /** Milliseconds a turn should take at least. */
  readonly turn?: number;
}

const PER_CALL = [1, 16] as const;

/**
 * Runs a model on random samples of the longest length, or windows: one and sixteen a call, with float32 and, where weights
 * are sparse, int8 activations. The ways take turns, the order turns round with every round: what slows the machine for
 * longer than a round slows all of them.
 */
export async function measureTime(
  directory: string,
  { rounds, turn = 40, ...load }: TimeOptions,
): Promise<MeasuredTime> {
  const models = [await SbtModel.load(directory, load)];
  try {
    const [first] = models as [SbtModel];
    if (first.config.weights === 'sparse-binary') {
      models.push(await SbtModel.load(directory, { ...load, activations: 'int8' }));
    }
    const ways = models.flatMap((model) =>
      PER_CALL.map((perCall) => ({ model, perCall, call: callOf(model, perCall, load.signal) })),
    );
    const times = await inTurns(
      ways.map(({ call }) => call),
      { rounds, turn },
    );
    return {
      ...pick(first),
      rounds,
      ways: ways.map(({ model, perCall }, i) => {
        const each = times[i]!.map((ms) => (1e3 * ms) / perCall).sort((a, b) => a - b);
        const microseconds = {
          median: median(each),
          low: sortedQuantile(each, 0.25),
          high: sortedQuantile(each, 0.75),
        };
        return { activations: model.activations, perCall, microseconds };
      }),
    };
  } finally {
    for (const model of models) model.dispose();
  }
}

function pick({ backend: { name, isa, threads } }: SbtModel) {
  return { backend: name, isa, threads };
}

function callOf(model: SbtModel, perCall: number, signal: AbortSignal | undefined): () => Promise<unknown> {
  const { windowLength, numVariables } = model.config;
  const next = seededUniform(perCall);
  const data = Float32Array.from({ length: perCall * windowLength * numVariables }, () => 2 * next() - 1);
  const x = { data, shape: [perCall, windowLength, numVariables] };
  return () => model.forward({ x }, { signal });
}

/** Milliseconds a call of every round, by way. */
async function inTurns(
  calls: readonly (() => Promise<unknown>)[],
  { rounds, turn }: { rounds: number; turn: number },
): Promise<number[][]> {
  const burst = async (call: () => Promise<unknown>, count: number) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) await call();
    return (performance.now() - start) / count;
  };
  const counts: number[] = [];
  for (const call of calls) {
    await burst(call, 1); // warm
    counts.push(Math.max(1, Math.min(1000, Math.ceil(turn / Math.max(1e-3, await burst(call, 1))))));
  }
  const times: number[][] = calls.map(() => []);
  const order = [...calls.keys()];
  for (let round = 0; round < rounds; round++) {
    for (const way of round % 2 === 0 ? order : order.toReversed()) {
      times[way]!.push(await burst(calls[way]!, counts[way]!));
    }
  }
  return times;
}

export function timeTable({ backend, isa, threads, rounds, ways }: MeasuredTime): string {
  const where = `${backend} ${isa}, ${threads} thread${threads === 1 ? '' : 's'}, ${rounds} rounds in turns`;
  const rows = ways.map(({ activations, perCall, microseconds: { median: middle, low, high } }) => [
    activations,
    String(perCall),
    significant(middle),
    `${significant(low)} to ${significant(high)}`,
  ]);
  return `${textTable(['measured on random samples', 'a call', 'microseconds a sample', 'quartiles'], rows)}  ${where}\n`;
}
