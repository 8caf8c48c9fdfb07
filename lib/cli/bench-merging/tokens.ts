import type { Forecaster } from '../../tasks/forecaster.js';
import type { Setting } from './settings.js';

/** Mean tokens of a series that enter each merging layer, and those that leave the last one, as the model traced them. */
export async function traceTokens(
  forecaster: Pick<Forecaster, 'predictQuantiles'>,
  contexts: readonly Float64Array[],
  { merging }: Setting,
  signal: AbortSignal,
): Promise<number[]> {
  // Without merging the same tokens go through all layers: r 0 traces them.
  const traced = { ...(merging || { r: 0 }), trace: true };
  const options = { merging: traced, predictionLength: 1, onError: 'throw', signal } as const;
  const { trace = [] } = await forecaster.predictQuantiles(contexts, options);
  const counts = trace.map((series) => {
    const layers = series?.layers ?? [];
    return [...layers.map(({ tokensBefore }) => tokensBefore), layers.at(-1)?.tokens ?? 0];
  });
  return counts[0]!.map((_, i) => counts.reduce((sum, own) => sum + own[i]!, 0) / counts.length);
}
