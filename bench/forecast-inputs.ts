import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeanScaleUniformBins } from 'tidemerge/models';
import { randomSeries } from './numbers.js';

/** What every contender is given, in bench-inputs.json beside the model. */
export interface ForecastInputs {
  readonly series: readonly number[];
  /** The tokens of the series, the end token included. */
  readonly inputIds: readonly number[];
  /** Tokens to compare the decoder's logits at, the start token first. */
  readonly decoderIds: readonly number[];
  readonly steps: number;
  readonly topK: number;
}

export function writeForecastInputs(directory: string, steps: number): ForecastInputs {
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'));
  const series = randomSeries(config.chronos_config.context_length);
  const { tokenIds } = new MeanScaleUniformBins(config.chronos_config).encode({
    data: series,
    shape: [1, series.length],
  });
  const inputs = {
    series: [...series],
    inputIds: [...tokenIds.data],
    decoderIds: [0, 2000, 2100, 1900, 2050, 4000, 17, 2222],
    steps,
    topK: config.chronos_config.top_k,
  };
  writeFileSync(join(directory, 'bench-inputs.json'), JSON.stringify(inputs));
  return inputs;
}
