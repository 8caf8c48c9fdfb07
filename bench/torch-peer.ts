import { fileURLToPath } from 'node:url';
import { interleave, type PairResult, Peer } from './interleave.js';
import type { Options, Report, Row } from './report.js';

/*
 * A native operator against PyTorch's, each in a process of its own with the same inputs, with one and two threads.
 */

export interface PeerOptions extends Options {
  readonly rounds?: string | undefined;
  readonly wait?: string | undefined;
  readonly calm?: string | undefined;
}

export interface Contenders {
  /** Of bench/workers. */
  readonly worker: string;
  /** Of bench/peers. */
  readonly script: string;
  /** What both are given. */
  readonly args: (threads: string) => readonly string[];
}

/** One table for every number of threads; where PyTorch is absent, why. */
export async function besideTorch(
  report: Report,
  { worker, script, args }: Contenders,
  { quick }: Options,
  rowsOf: (ours: Peer, torch: Peer) => Promise<Row[]>,
): Promise<void> {
  const python = process.env.PYTHON ?? 'python3';
  for (const threads of quick ? [1] : [1, 2]) {
    const common = args(String(threads));
    const program = here(`workers/${worker}`);
    const ours = await Peer.start('native', { program: process.execPath, args: [program, ...common] });
    const path = here(`../bench/peers/${script}`);
    const torch = await Peer.start('torch', { program: python, args: ['-W', 'ignore', path, ...common] });
    try {
      if (ours.absent) throw new Error(`native: ${ours.absent}`);
      if (torch.absent) {
        report.say(`\nPyTorch: not measured here: ${torch.absent}`);
        return;
      }
      report.table(
        `against ${torch.info.version}, ${threads} thread${threads > 1 ? 's' : ''}`,
        await rowsOf(ours, torch),
      );
    } finally {
      ours.close();
      torch.close();
    }
  }
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Both in turns; `rounds` and seconds to `wait` where the options say nothing. */
export function turnsBesideTorch(
  ours: Peer,
  torch: Peer,
  workload: string,
  options: PeerOptions,
  { rounds, wait }: { readonly rounds: number; readonly wait: number },
): Promise<PairResult> {
  return interleave(ours, torch, workload, {
    rounds: Number(options.rounds ?? rounds),
    wait: Number(options.wait ?? (options.quick ? 0 : wait)),
    calm: Number(options.calm ?? 0.1),
  });
}

/** What a row says of the two beside their times. */
export function ratioColumns({ ratio, cpuRatio, others, disturbed }: PairResult): Row {
  return {
    'torch / native': ratio.median,
    quartiles: `${ratio.low.toFixed(2)} - ${ratio.high.toFixed(2)}`,
    'of processor time': cpuRatio,
    others: `${(100 * others).toFixed(0)} %${disturbed ? ', disturbed' : ''}`,
  };
}
