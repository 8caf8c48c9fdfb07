import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/*
 * npm run bench -- [suite …] [--quick] [--json] [options of a suite]
 */

const SUITES = [
  'operators',
  'models',
  'forecast',
  'merged-encoder',
  'merged-ssm',
  'event-loop',
  'memory',
  'decoder-share',
  'detection',
  'long-conv',
  'mamba',
  'merge-operator',
  'selective-scan',
  'sparse-linear',
  'sparse-models',
  'sparse-stream',
  'sparse-onnx',
] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    only: { type: 'string' },
    threads: { type: 'string' },
    size: { type: 'string' },
    rounds: { type: 'string' },
    wait: { type: 'string' },
    calm: { type: 'string' },
    svg: { type: 'string' },
  },
});
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite === name));
if (values.help || unknown.length > 0) {
  const usage = `usage: npm run bench -- [${SUITES.join('] [')}] [--quick] [--full] [--json] [--size tiny|mini|small|base] [--only text] [--threads 1|2] [--rounds n] [--wait seconds] [--calm share] [--svg path]`;
  process.stderr.write(`${unknown.length > 0 ? `no such suite: ${unknown.join(', ')}\n` : ''}${usage}\n`);
  process.exit(values.help ? 0 : 2);
}

// Benny reports through console.log; standard output is for the JSON alone.
if (values.json) console.log = console.error;

const [first, ...others] = positionals.length > 0 ? positionals : SUITES;
if (others.length === 0) {
  const { run } = (await import(`./${first}.js`)) as { run(options: typeof values): Promise<void> };
  await run(values);
} else {
  // Each suite in a process of its own: none inherits another's heap, threads or compiled code.
  const flags = process.argv.slice(2).filter((argument) => !positionals.includes(argument));
  for (const suite of [first!, ...others]) {
    const self = fileURLToPath(import.meta.url);
    const { status } = spawnSync(process.execPath, [self, suite, ...flags], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
}
