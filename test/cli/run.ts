import { type SpawnOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunSettings {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Sent once the process has written to stderr for the first time. */
  readonly signal?: NodeJS.Signals;
}

/** Runs the built command line as a user would. */
export function tidemerge(args: readonly string[], { input, cwd, env, signal }: RunSettings = {}): Promise<Outcome> {
  const options: SpawnOptions = { cwd, env: { ...process.env, ...env }, stdio: 'pipe' };
  const child = spawn(process.execPath, [MAIN, ...args], options);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    if (signal && stderr === '') child.kill(signal);
    stderr += chunk;
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
