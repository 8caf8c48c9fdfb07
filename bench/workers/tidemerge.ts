import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Forecaster } from 'tidemerge';
import { ChronosT5Model } from 'tidemerge/models';
import type { ForecastInputs } from '../forecast-inputs.js';
import { serve } from '../serve.js';

/*
 * tidemerge as a contender: directory, dtype, threads.
 */

const [directory, dtype, threads] = process.argv.slice(2) as [string, 'float32' | 'bfloat16', string];

await serve(async () => {
  const inputs = JSON.parse(readFileSync(join(directory, 'bench-inputs.json'), 'utf8')) as ForecastInputs;
  const options = { dtype, threads: Number(threads) };
  const model = await ChronosT5Model.load(directory, options);
  const forecaster = await Forecaster.fromPretrained(directory, options);
  const ids = (list: readonly number[]) => ({ data: Int32Array.from(list), shape: [1, list.length] });
  const encode = () => model.encode({ inputIds: ids(inputs.inputIds) });
  const series = Float32Array.from(inputs.series);
  const forecast = (numSamples: number) =>
    forecaster.predict(series, { predictionLength: inputs.steps, numSamples, topK: inputs.topK, seed: 7 });
  const logits = async () => {
    const encoderHiddenStates = await encode();
    return (await model.decode({ decoderInputIds: ids(inputs.decoderIds), encoderHiddenStates })).data;
  };
  return {
    info: { isa: model.backend.isa, threads: model.backend.threads },
    workloads: {
      encoder: encode,
      'forecast of 20 paths': () => forecast(20),
      'forecast of 1 path': () => forecast(1),
    },
    outputs: {
      encoder: async () => (await encode()).data,
      logits,
      samples: async () => (await forecast(20)).data,
    },
  };
});
