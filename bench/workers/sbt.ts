import { SbtModel, type SparseActivations } from '../internals.js';
import { datasetOf, outputOf, randomSbtWeights, randomWindows } from '../random-sbt.js';
import { serve } from '../serve.js';

/* tidemerge with sparse binary models of the paper's data sets: activations, threads, names of workloads. */

const [activations, threads, ...names] = process.argv.slice(2) as [SparseActivations, string, ...string[]];

await serve(async () => {
  const workloads: Record<string, () => Promise<Float32Array>> = {};
  let isa = '';
  for (const name of names) {
    const { config, windows } = datasetOf(name);
    const model = await SbtModel.fromWeights(config, randomSbtWeights(config), {
      threads: Number(threads),
      activations,
    });
    const x = randomWindows(config, windows);
    workloads[name] = () => outputOf(model, x);
    isa = model.backend.isa;
  }
  return { info: { isa, threads }, workloads, outputs: workloads };
});
