import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for generated models; gone when the process ends, however it ends short of a kill. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemerge-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  return folder;
}
