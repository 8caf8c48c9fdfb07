import { createBackend } from '../internals.js';
import { convCase, nativeConv } from '../long-conv-case.js';
import { serve } from '../serve.js';

/* The native long convolution as a contender: threads, folder of inputs (not read: they are made again), names of cases. */

const [threads, , ...names] = process.argv.slice(2) as [string, string, ...string[]];

await serve(async () => {
  const backend = await createBackend({ threads: Number(threads) });
  const runs = Object.fromEntries(names.map((name) => [name, nativeConv(backend, convCase(name))]));
  return { info: { isa: backend.isa, threads: backend.threads }, workloads: runs, outputs: runs };
});
