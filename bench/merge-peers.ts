import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MergeShape } from './baselines/merge.js';
import { expectClose } from './compare.js';
import { interleave, Peer } from './interleave.js';
import { callOf, expectMerge, nameOf, similarityBound, together, unpackMerged } from './merge-case.js';
import type { MergeOptions } from './merge-operator.js';
import { difference } from './numbers.js';
import type { Report, Row } from './report.js';
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
  for (const threads of options.quick ? [1] : [1, 2]) {
    const common = [file, String(threads), ...shapes.map(nameOf)];
    const ours = await Peer.start('native', { program: process.execPath, args: [here('workers/merge.js'), ...common] });
    const python = process.env.PYTHON ?? 'python3';
    const script = here('../bench/peers/torch_merge.py');
    const torch = await Peer.start('torch', { program: python, args: ['-W', 'ignore', script, ...common] });
    try {
      if (ours.absent) throw new Error(`native: ${ours.absent}`);
      if (torch.absent) {
        report.say(`\nPyTorch: not measured here: ${torch.absent}`);
        return;
      }
      const rows: Row[] = [];
      for (const shape of shapes) {
        await check(numbers, shape, ours, torch, join(directory, 'merged.f32'));
        rows.push(await times(shape, false, ours, torch, options));
        // What a call adds does not depend on the neighbourhood.
        if (shape.k === 1) rows.push(await times(shape, true, ours, torch, options));
      }
      report.table(`against ${torch.info.version}, ${threads} thread${threads > 1 ? 's' : ''}`, rows);
    } finally {
      ours.close();
      torch.close();
    }
  }
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

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
  const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
  const wait = Number(options.wait ?? (options.quick ? 0 : 20));
  const workload = asCall ? callOf(nameOf(shape)) : nameOf(shape);
  const result = await interleave(ours, torch, workload, { rounds, wait, calm: Number(options.calm ?? 0.1) });
  const { low, high } = result.ratio;
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
    'torch / native': result.ratio.median,
    quartiles: `${low.toFixed(2)} - ${high.toFixed(2)}`,
    'of processor time': result.cpuRatio,
    others: `${(100 * result.others).toFixed(0)} %${result.disturbed ? ', disturbed' : ''}`,
  };
}
