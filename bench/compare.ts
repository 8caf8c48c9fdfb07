import benny from 'benny';
import { median } from './numbers.js';
import type { Report, Row } from './report.js';

/** One way to compute a thing. `run` may return a promise. */
export interface Candidate {
  readonly name: string;
  readonly run: () => unknown;
}

/**
 * Times candidates one after the other with benny and prints the median of each, and how many times longer or shorter
 * than the tuned JavaScript. The rest of a row is what the checks found.
 */
export async function compare(
  report: Report,
  title: string,
  candidates: readonly Candidate[],
  facts: ReadonlyMap<string, Row> = new Map(),
): Promise<void> {
  const seconds = report.options.quick ? 0.3 : 1;
  const cases = candidates.map(({ name, run }) => {
    // Benny decides by the first call's result whether to wait.
    const isAsync = run() instanceof Promise;
    const body = isAsync ? async () => async () => void (await run()) : () => () => void run();
    return benny.add(name, body, { maxTime: seconds, minSamples: 3 });
  });
  const { results } = await benny.suite(title, ...cases);
  const times = new Map(results.map(({ name, details }) => [name, median(details.sampleResults) * 1e3]));
  const baseline = times.get('tuned JavaScript');
  const rows = candidates.map(({ name }) => {
    const ms = times.get(name)!;
    return { name, 'median ms': ms, ...(baseline && { 'speed-up': baseline / ms }), ...facts.get(name) };
  });
  report.table(title, rows);
}

/** Throws when a result is not what another one says: a fast wrong answer is not worth timing. */
export function expectClose(who: string, error: number, bound: number): void {
  if (!(error <= bound)) throw new Error(`${who}: results differ by ${error}, expected at most ${bound}`);
}
