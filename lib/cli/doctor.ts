import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { findAddon } from '../backend/loader.js';
import { createNativeBackend } from '../backend/native.js';
import { EXIT } from './exit-codes.js';

interface Report {
  readonly tidemerge: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cpuFeatures: readonly string[];
  readonly cores: number;
  readonly instructionSets: readonly { readonly name: string; readonly supported: boolean }[];
  readonly chosenSet: string | undefined;
  readonly threads: number | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly addon: { readonly path: string | undefined; readonly compiler: string | undefined };
  readonly attempts: ReturnType<typeof findAddon>['attempts'];
  readonly problem: string | undefined;
}

/** Prints what this machine has and what the library makes of it; exit code 1 when the native backend cannot be used. */
export async function doctor({ json = false }: { json?: boolean }): Promise<number> {
  const report = examine();
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : readable(report));
  return report.problem === undefined ? EXIT.ok : EXIT.internal;
}

function examine(): Report {
  const result = findAddon();
  const addon = result.loaded?.addon;
  let chosen: { isa: string; threads: number } | undefined;
  let problem = result.loaded ? undefined : result.error.message;
  if (addon) {
    try {
      const backend = createNativeBackend();
      chosen = { isa: backend.isa, threads: backend.threads };
      backend.dispose();
    } catch (error) {
      problem = (error as Error).message;
    }
  }
  return {
    tidemerge: JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version,
    node: `${process.version} (Node-API ${process.versions.napi})`,
    platform: `${process.platform}-${process.arch}${libc()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpuFeatures: addon?.features() ?? [],
    cores: availableParallelism(),
    instructionSets: addon?.sets() ?? [],
    chosenSet: chosen?.isa,
    threads: chosen?.threads,
    environment: Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) =>
        name.startsWith('TIDEMERGE_') && value ? [[name, value]] : [],
      ),
    ),
    addon: { path: result.loaded?.path, compiler: addon?.compiler },
    attempts: result.attempts,
    problem,
  };
}

function libc(): string {
  const header = (process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined)?.header;
  if (process.platform !== 'linux') return '';
  return header?.glibcVersionRuntime ? ` (glibc ${header.glibcVersionRuntime})` : ' (not glibc)';
}

function readable(report: Report): string {
  const sets = report.instructionSets.map(({ name, supported }) => (supported ? name : `${name} (not on this CPU)`));
  const rows: [string, string][] = [
    ['tidemerge', report.tidemerge],
    ['Node', report.node],
    ['platform', report.platform],
    ['CPU', `${report.cpu}, ${report.cores} usable`],
    ['CPU features', report.cpuFeatures.join(' ') || 'unknown without the addon'],
    ['sets compiled in', sets.join(', ') || 'unknown without the addon'],
    ['set chosen', report.chosenSet ?? 'none'],
    ['threads', report.threads === undefined ? 'none' : String(report.threads)],
    ['addon', report.addon.path ? `${report.addon.path} (${report.addon.compiler})` : 'not loaded'],
    ...Object.entries(report.environment),
    ...report.attempts.map(({ from, path, outcome }): [string, string] => [
      `  ${from}`,
      `${path ? `${path}: ` : ''}${outcome}`,
    ]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  if (report.problem !== undefined) lines.push('', `problem: ${report.problem}`);
  return `${lines.join('\n')}\n`;
}
