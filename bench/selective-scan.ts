import { selectiveScan } from 'tidemerge/ops';
import * as baseline from './baselines/scan.js';
import { type Candidate, compare, expectClose } from './compare.js';
import { createBackend } from './internals.js';
import { difference, ROUNDOFF, randomArray } from './numbers.js';
import { type Options, Report, type Row } from './report.js';

/*
 * The selective scan of a Mamba block: native with one and two threads, against plain JavaScript that does the same in
 * one pass.
 */

const D_STATE = 16;
const SIZES = [
  { dInner: 512, length: 512 },
  { dInner: 512, length: 4096 },
  { dInner: 1536, length: 4096 },
  { dInner: 512, length: 16384 },
  { dInner: 1536, length: 16384 },
  { dInner: 512, length: 65536 },
] as const;

export async function run(options: Options): Promise<void> {
  const report = await Report.start('selective-scan', options);
  const backends = await Promise.all([1, 2].map((threads) => createBackend({ threads })));
  for (const { dInner, length } of options.quick ? SIZES.slice(0, 2) : SIZES) {
    const arrays = inputs(dInner, length);
    const y = new Float32Array(length * dInner);
    const tuned = () => baseline.selectiveScan(arrays, y);
    const expected = tuned().slice();
    const candidates: Candidate[] = [];
    const facts = new Map<string, Row>();
    for (const backend of backends) {
      const rows = (data: Float32Array, width: number) => ({ data, shape: [1, length, width] });
      const scan = () =>
        selectiveScan({
          u: rows(arrays.u, dInner),
          delta: rows(arrays.delta, dInner),
          z: rows(arrays.z, dInner),
          A: { data: arrays.A, shape: [dInner, D_STATE] },
          B: rows(arrays.B, D_STATE),
          C: rows(arrays.C, D_STATE),
          D: { data: arrays.D, shape: [dInner] },
          deltaBias: { data: arrays.deltaBias, shape: [dInner] },
          deltaSoftplus: true,
          layout: 'channelsLast',
          backend,
        });
      const name = `native, ${backend.threads} thread${backend.threads > 1 ? 's' : ''}`;
      const { largest } = difference(scan().y.data, expected);
      // The decays forget: a state is a sum of few steps. Each adds about 16 roundings of values up to the largest.
      const bound = 16 * (D_STATE + 16) * ROUNDOFF * expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      expectClose(`${dInner} x ${length}: ${name}`, largest, bound);
      facts.set(name, { 'largest error': largest, 'allowed error': bound });
      candidates.push({ name, run: scan });
    }
    candidates.push({ name: 'tuned JavaScript', run: tuned });
    await compare(report, `selectiveScan ${dInner} channels x ${length}, ${D_STATE} states`, candidates, facts);
  }
  for (const backend of backends) backend.dispose();
  report.finish();
}

/** Numbers as Mamba is initialised: A[c, n] = -(n + 1), step sizes from 0.001 to 0.1. */
function inputs(dInner: number, length: number): baseline.ScanArrays {
  const random = (count: number, seed: number, deviation = 1, mean = 0) => randomArray(count, seed, deviation, mean);
  return {
    u: random(length * dInner, 1),
    delta: random(length * dInner, 2, 0.5, 0),
    z: random(length * dInner, 3),
    A: Float32Array.from({ length: dInner * D_STATE }, (_, i) => -((i % D_STATE) + 1)),
    B: random(length * D_STATE, 4),
    C: random(length * D_STATE, 5),
    D: random(dInner, 6, 0.1, 1),
    deltaBias: random(dInner, 7, 1, -4),
  };
}
