import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as baseline from './baselines/long-conv.js';
import { type Candidate, compare, expectClose } from './compare.js';
import type { Peer } from './interleave.js';
import { createBackend } from './internals.js';
import { convBound, convCase, nativeConv, operations } from './long-conv-case.js';
import { difference } from './numbers.js';
import { Report, type Row } from './report.js';
import { besideTorch, type PeerOptions, ratioColumns, turnsBesideTorch } from './torch-peer.js';
import { temporaryFolder } from './workspace.js';

/*
 * The long convolution of a Hyena block, spectra of the filters included: native with one and two threads, against a
 * transform in plain JavaScript and against PyTorch's real transforms.
 */

interface LongConvOptions extends PeerOptions {
  /** Only this part: javascript or torch. */
  readonly only?: string | undefined;
}

/** Length and channels. */
const CASES = ['512 768', '1026 256', '4096 256', '16000 256', '16000 768'];

export async function run(options: LongConvOptions): Promise<void> {
  if (options.only && !['javascript', 'torch'].includes(options.only)) {
    throw new Error(`--only: expected javascript or torch, got ${options.only}`);
  }
  const report = await Report.start('long-conv', options);
  const names = options.quick ? CASES.slice(0, 2) : CASES;
  if (options.only !== 'torch') for (const name of names) await againstJavaScript(report, name);
  if (options.only !== 'javascript') await againstTorch(report, names, options);
  report.finish();
}

async function againstJavaScript(report: Report, name: string): Promise<void> {
  const one = convCase(name);
  const y = new Float32Array(one.u.length);
  const tuned = () => baseline.longConv(one.u, one.k, one.D, y);
  const expected = tuned().slice();
  const backends = await Promise.all([1, 2].map((threads) => createBackend({ threads })));
  const facts = new Map<string, Row>();
  const candidates = backends.map((backend): Candidate => {
    const candidate = `native, ${backend.threads} thread${backend.threads > 1 ? 's' : ''}`;
    const convolve = nativeConv(backend, one);
    const { largest } = difference(convolve(), expected);
    expectClose(`${name}: ${candidate}`, largest, convBound(one));
    facts.set(candidate, { 'largest error': largest, 'allowed error': convBound(one) });
    return { name: candidate, run: convolve };
  });
  candidates.push({ name: 'tuned JavaScript', run: tuned });
  await compare(report, `longConv ${one.channels} channels x ${one.length}`, candidates, facts);
  for (const backend of backends) backend.dispose();
}

async function againstTorch(report: Report, names: string[], options: LongConvOptions): Promise<void> {
  const folder = temporaryFolder();
  for (const name of names) {
    const { u, k, D } = convCase(name);
    writeFileSync(join(folder, `${name}.f32`), Buffer.concat([u, k, D].map(({ buffer }) => Buffer.from(buffer))));
  }
  const args = (threads: string) => [threads, folder, ...names];
  const contenders = { worker: 'long-conv.js', script: 'torch_long_conv.py', args };
  await besideTorch(report, contenders, options, async (ours, torch) => {
    const rows: Row[] = [];
    for (const name of names) rows.push(await turns(name, ours, torch, join(folder, 'out.f32'), options));
    return rows;
  });
}

async function turns(name: string, ours: Peer, torch: Peer, file: string, options: LongConvOptions): Promise<Row> {
  const one = convCase(name);
  const { largest } = difference(await ours.output(name, file), await torch.output(name, file));
  expectClose(`torch: ${name}`, largest, 2 * convBound(one));
  const result = await turnsBesideTorch(ours, torch, name, options, { rounds: options.quick ? 3 : 5, wait: 20 });
  return {
    length: one.length,
    channels: one.channels,
    'native ms': result.a.median,
    'native best': result.a.best,
    'torch ms': result.b.median,
    'torch best': result.b.best,
    'native GFLOP/s': operations(one) / result.a.best / 1e6,
    ...ratioColumns(result),
  };
}
