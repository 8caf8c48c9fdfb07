import { type Backend, ProgramBuilder, recordLinear } from './internals.js';
import { randomArray } from './numbers.js';
import { D_STATE, type ScanCase } from './scan-case.js';

/*
 * What one core could do at best, from rates of this machine measured now.
 */

/** Vector operations of a state and step: an exponential of 10, and 4 more (native/kernels/scan). */
const OPERATIONS = 14;

export interface Rates {
  /** Multiply-adds a nanosecond of one core: those of a matrix product, which does little else. */
  readonly multiplyAdds: number;
  /** Bytes a nanosecond, read and written, of a copy by one core that fits no cache. */
  readonly bytes: number;
}

export async function measureRates(oneThread: Backend, seconds: number): Promise<Rates> {
  const size = 512;
  const builder = new ProgramBuilder();
  const weight = (kind: 'matrix' | 'vector') =>
    oneThread.createWeight({
      name: kind,
      kind,
      dtype: 'float32',
      shape: [size, size],
      data: randomArray(size ** 2, 1),
    });
  builder.output('y', recordLinear(builder.weight(await weight('vector')), builder.weight(await weight('matrix'))));
  const { description, weights } = builder.build();
  const session = oneThread.createProgram(description, weights).createSession();
  const product = await bestOf(() => session.run({}), seconds);
  session.dispose();
  const from = new Float32Array(2 ** 24).fill(1);
  const to = new Float32Array(from.length).fill(2);
  const copy = await bestOf(() => to.set(from), seconds);
  return { multiplyAdds: (size ** 3 / product) * 1e-6, bytes: ((2 * from.byteLength) / copy) * 1e-6 };
}

/** Milliseconds of one core: arithmetic or memory traffic, whichever takes longer. */
export function boundOf({ dInner, length, batch }: ScanCase, { multiplyAdds, bytes }: Rates): number {
  const steps = length * batch;
  const arithmetic = (steps * dInner * D_STATE * OPERATIONS) / multiplyAdds;
  // u, delta and z in, y out; B and C.
  const traffic = (4 * steps * (4 * dInner + 2 * D_STATE)) / bytes;
  return Math.max(arithmetic, traffic) * 1e-6;
}

/** Milliseconds of the fastest run: the others were disturbed. */
export async function bestOf(run: () => unknown, seconds: number): Promise<number> {
  await run();
  const end = performance.now() + 1e3 * seconds;
  let best = Number.POSITIVE_INFINITY;
  do {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  } while (performance.now() < end);
  return best;
}
