import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MergeShape } from './baselines/merge.js';
import { expectClose } from './compare.js';
import type { Peer } from './interleave.js';
import { callOf, expectMerge, nameOf, similarityBound, together, unpackMerged } from './merge-case.js';
import type { MergeOptions } from './merge-operator.js';
import { difference } from './numbers.js';
import type { Report, Row } from './report.js';
import { besideTorch, ratioColumns, turnsBesideTorch } from './torch-peer.js';
import { temporaryFolder } from './workspace.js';

/*
 * The native merge against PyTorch's, each in a process of its own with the same tokens.
 */

export async function againstTorch(
  report: Report,
  numbers: Float32Array,
  shapes: readonly MergeShape[],
  options: MergeOptions,
): Promise<void> {
  const directory = temporaryFolder();
  const file = join(directory, 'tokens.f32');
  writeFileSync(file, numbers);
  const args = (threads: string) => [file, threads, ...shapes.map(nameOf)];
  await besideTorch(report, { worker: 'merge.js', script: 'torch_merge.py', args }, options, async (ours, torch) => {
    const rows: Row[] = [];
    for (const shape of shapes) {
      await check(numbers, shape, ours, torch, join(directory, 'merged.f32'));
      rows.push(await times(shape, false, ours, torch, options));
      // What a call adds does not depend on the neighbourhood.
      if (shape.k === 1) rows.push(await times(shape, true, ours, torch, options));
    }
    return rows;
  });
}

async function check(numbers: Float32Array, shape: MergeShape, ours: Peer, torch: Peer, file: string): Promise<void> {
  const x = numbers.subarray(0, shape.tokens * shape.channels);
  const bests: Float32Array[] = [];
  for (const peer of [ours, torch]) {
    const merged = unpackMerged(await peer.output(nameOf(shape), file), shape);
    expectMerge(peer.name, x, shape, merged);
    bests.push(merged.best);
  }
  expectClose(`torch: ${nameOf(shape)}`, difference(bests[1]!, bests[0]!).largest, 2 * similarityBound(shape));
}

async function times(shape: MergeShape, asCall: boolean, ours: Peer, torch: Peer, options: MergeOptions): Promise<Row> {
  const workload = asCall ? callOf(nameOf(shape)) : nameOf(shape);
  const result = await turnsBesideTorch(ours, torch, workload, options, { rounds: options.quick ? 3 : 5, wait: 20 });
  const merges = together(shape);
  return {
    t: shape.tokens,
    d: shape.channels,
    k: shape.k === 0 ? 'global' : String(shape.k),
    native: asCall ? 'call' : 'operator',
    'native ms': result.a.median / merges,
    'native best': result.a.best / merges,
    'torch ms': result.b.median / merges,
    'torch best': result.b.best / merges,
    ...ratioColumns(result),
  };
}
