import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { embeddedModels, Forecaster } from 'tidemerge';

/** Without these a number says nothing. */
export interface Machine {
  readonly cpu: string;
  /** Processors this process may use. */
  readonly cores: number;
  readonly memoryGiB: number;
  readonly platform: string;
  readonly node: string;
  readonly tidemerge: string;
  /** Instruction set and threads the library chooses here on its own. */
  readonly isa: string;
  readonly threads: number;
  /** Variables that change what is measured. */
  readonly environment: Readonly<Record<string, string>>;
}

const RELEVANT = /^(TIDEMERGE_|OMP_|MKL_|ONEDNN_|DNNL_|OPENBLAS_|NODE_OPTIONS$)/;

export async function machine(): Promise<Machine> {
  const { version } = createRequire(import.meta.url)('tidemerge/package.json') as { version: string };
  const forecaster = await Forecaster.fromPretrained(embeddedModels()[0]!);
  const { isa, threads } = forecaster.backend;
  await forecaster.dispose();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    tidemerge: version,
    isa,
    threads,
    environment: Object.fromEntries(
      Object.entries(process.env).filter((entry): entry is [string, string] => RELEVANT.test(entry[0])),
    ),
  };
}

export function describeMachine(m: Machine): string {
  const lines = [
    `${m.cpu}, ${m.cores} cores, ${m.memoryGiB} GiB, ${m.platform}`,
    `tidemerge ${m.tidemerge} (${m.isa}, ${m.threads} threads by default), Node ${m.node}`,
  ];
  const variables = Object.entries(m.environment).map(([name, value]) => `${name}=${value}`);
  if (variables.length > 0) lines.push(variables.join(' '));
  return lines.join('\n');
}
