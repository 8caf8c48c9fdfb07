import type { ForecastModel } from '../models/forecast-model.js';
import { passEnd } from './batching.js';
import type { Embeddings } from './forecasts.js';
import type { SeriesSet } from './inputs.js';
import type { BatchRequest } from './options.js';
import { outcome, runPasses } from './passes.js';
import { allocate } from './step-table.js';
import { Traces } from './traces.js';

/** Token embeddings of all series in one rectangle, as wide as the longest series: shorter ones are padded in front. */
export async function embedSeries(model: ForecastModel, set: SeriesSet, request: BatchRequest): Promise<Embeddings> {
  const { dModel } = model;
  const tokens = Float64Array.from({ length: set.count }, (_, i) => tokensOf(model, set, i));
  const width = tokens.reduce((a, b) => Math.max(a, b), 0);
  const data = allocate(set.count * width * dModel);
  const mask = new Uint8Array(set.count * width);
  const loc = allocate(set.count);
  const scale = allocate(set.count);
  let located = false;
  const traces = new Traces(model, request, set.count);
  const size = { pathsPerSeries: 1, bytesPerPath: 0, encodePaths: true };
  const end = (from: number) => passEnd(set, from, model, request.batchSize, size);
  const unobserved = await runPasses(set, request, end, async (pass) => {
    const length = pass.indices.reduce((most, i) => Math.max(most, tokens[i] as number), 0);
    const part = await model.embed(pass, length, traces.of(request, pass));
    located = part.loc !== undefined;
    for (const [b, i] of pass.indices.entries()) {
      const own = tokens[i] as number;
      const from = b * length;
      const to = (i + 1) * width - own;
      data.set(part.data.subarray(from * dModel, (from + own) * dModel), to * dModel);
      mask.set(part.mask.subarray(from, from + own), to);
      if (part.loc) loc[i] = part.loc[b] as number;
      scale[i] = part.scale[b] as number;
    }
  });
  const invalidate = (i: number) => {
    data.fill(NaN, i * width * dModel, (i + 1) * width * dModel);
    loc[i] = NaN;
    scale[i] = NaN;
  };
  const shape = [set.count, width, dModel] as const;
  const result = { ...outcome(set, unobserved, [], [{ invalidate }]), ...traces.result, data, shape, mask, scale };
  return located || model.kind === 'quantiles' ? { ...result, loc } : result;
}

/** 0 for a series that failed before it was looked at. */
function tokensOf(model: ForecastModel, { offsets, errors }: SeriesSet, i: number): number {
  return errors.has(i) ? 0 : model.tokenCount((offsets[i + 1] as number) - (offsets[i] as number));
}
