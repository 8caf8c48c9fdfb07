import { sinusoids } from '../../build-bench/internals.js';
import { datasetOf, denseOf, randomSbtWeights, randomWindows } from '../../build-bench/random-sbt.js';
import { serve } from '../../build-bench/serve.js';
import { sbtModel } from './onnx-sbt-model.mjs';

/* onnxruntime-node with the dense models of the paper's data sets: threads, names of workloads. */

const [threads, ...names] = process.argv.slice(2);

await serve(async () => {
  const ort = (await import('onnxruntime-node')).default;
  const options = { intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all' };
  const workloads = {};
  for (const name of names) {
    const { config, windows } = datasetOf(name);
    const weights = denseOf(randomSbtWeights(config));
    const positions = sinusoids(config.windowLength, config.dModel);
    const bytes = sbtModel({ config, weights, positions }, windows);
    const session = await ort.InferenceSession.create(bytes, { ...options, logSeverityLevel: 3 });
    const { data, shape } = randomWindows(config, windows);
    if (config.task === 'forecasting') blankNewest(data, config);
    const x = new ort.Tensor('float32', data, shape);
    workloads[name] = async () => (await session.run({ x })).y.data;
  }
  return {
    info: { version: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}` },
    workloads,
    outputs: workloads,
  };
});

/** What is to be forecast is not shown. */
function blankNewest(data, { windowLength, numVariables }) {
  const size = windowLength * numVariables;
  for (let end = size; end <= data.length; end += size) data.fill(0, end - numVariables, end);
}
