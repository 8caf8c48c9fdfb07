import { createBackend } from '../internals.js';
import { nameOf, nativeMerge, packMerged, shapeOf, tokensOf } from '../merge-case.js';
import { serve } from '../serve.js';

/*
 * The native merge as a contender: file of numbers, threads, names of cases.
 */

const [file, threads, ...names] = process.argv.slice(2) as [string, string, ...string[]];

await serve(async () => {
  const backend = await createBackend({ threads: Number(threads) });
  const cases = names.map((name) => {
    const shape = shapeOf(name);
    return [nameOf(shape), nativeMerge(backend, tokensOf(file, shape), shape)] as const;
  });
  return {
    info: { isa: backend.isa, threads: backend.threads },
    workloads: Object.fromEntries(cases),
    outputs: Object.fromEntries(cases.map(([name, run]) => [name, async () => packMerged(await run())])),
  };
});
