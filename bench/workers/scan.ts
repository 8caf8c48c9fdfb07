import { createBackend } from '../internals.js';
import { arraysOf, caseOf, numbersOf, readNumbers, scanCall } from '../scan-case.js';
import { serve } from '../serve.js';

/*
 * The published selectiveScan as a contender: file of numbers, threads, names of cases.
 */

const [file, threads, ...names] = process.argv.slice(2) as [string, string, ...string[]];

await serve(async () => {
  const backend = await createBackend({ threads: Number(threads) });
  const workloads: Record<string, () => unknown> = {};
  const outputs: Record<string, () => Float32Array> = {};
  for (const name of names) {
    const size = caseOf(name);
    const call = scanCall(backend, arraysOf(readNumbers(file, numbersOf(size)), size), size);
    workloads[name] = call;
    outputs[name] = () => call().y.data;
  }
  return { info: { isa: backend.isa, threads: backend.threads }, workloads, outputs };
});
