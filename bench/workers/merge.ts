import { createBackend } from '../internals.js';
import { callOf, mergesAlone, nativeMerge, packMerged, shapeOf, together, tokensOf } from '../merge-case.js';
import { serve } from '../serve.js';

/*
 * The native merge as a contender: file of numbers, threads, names of cases. Every workload is as many merges as together() says.
 */

const [file, threads, ...names] = process.argv.slice(2) as [string, string, ...string[]];

await serve(async () => {
  const backend = await createBackend({ threads: Number(threads) });
  const workloads: Record<string, () => Promise<unknown>> = {};
  const outputs: Record<string, () => Promise<Float32Array>> = {};
  for (const name of names) {
    const shape = shapeOf(name);
    const x = tokensOf(file, shape);
    const call = nativeMerge(backend, x, shape);
    workloads[name] = mergesAlone(backend, x, shape);
    workloads[callOf(name)] = async () => {
      for (let i = 0; i < together(shape); i++) await call();
    };
    outputs[name] = async () => packMerged(await call());
  }
  return { info: { isa: backend.isa, threads: backend.threads }, workloads, outputs };
});
