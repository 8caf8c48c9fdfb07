import type { WeightHandle } from '../../backend/backend.js';
import type { WeightScope } from '../../io/weight-scope.js';
import { type DecoderWeights, type EncoderWeights, loadDecoder, loadEncoder } from '../t5/weights.js';
import type { WeightLoader } from '../weight-loader.js';
import { type ChronosT5Config, EMBEDDINGS } from './config.js';
import { MeanScaleUniformBins } from './tokenizer.js';

export interface ChronosT5Weights {
  /** [vocabulary, dModel] */
  readonly embeddings: WeightHandle;
  readonly encoder: EncoderWeights;
  readonly decoder: DecoderWeights;
  /** [vocabulary, dModel] as a matrix: the embeddings again when they are tied. */
  readonly head: WeightHandle;
  /** The tokenizer's grid: [bins + 1] and [bins]. */
  readonly boundaries: WeightHandle;
  readonly centers: WeightHandle;
}

export async function loadChronosT5Weights(
  loader: WeightLoader,
  scope: WeightScope,
  { t5, tokenizer, tiedEmbeddings, outputFactor }: ChronosT5Config,
): Promise<ChronosT5Weights> {
  const table = EMBEDDINGS.find((name) => scope.has(name)) ?? EMBEDDINGS[0];
  scope.ignore(...EMBEDDINGS, 'lm_head.weight');
  const { boundaries, centers } = new MeanScaleUniformBins(tokenizer);
  return {
    embeddings: await loader.table(scope, table, t5.vocabSize, t5.dModel),
    encoder: await loadEncoder(loader, scope.scope('encoder'), t5),
    decoder: await loadDecoder(loader, scope.scope('decoder'), t5, outputFactor),
    head: await loader.matrix(scope, tiedEmbeddings ? table : 'lm_head.weight', t5.vocabSize, t5.dModel),
    boundaries: await loader.values('boundaries', boundaries, [boundaries.length, 1]),
    centers: await loader.values('centers', centers, [centers.length, 1]),
  };
}
