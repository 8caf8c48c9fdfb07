import type { WeightHandle } from '../../backend/backend.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { ResidualBlockWeights } from '../../layers/residual-block.js';
import { type DecoderWeights, type EncoderWeights, loadDecoder, loadEncoder } from '../t5/weights.js';
import type { WeightLoader } from '../weight-loader.js';
import type { ChronosBoltConfig } from './config.js';

export interface ChronosBoltWeights {
  readonly inputPatch: ResidualBlockWeights;
  readonly encoder: EncoderWeights;
  readonly decoder: DecoderWeights;
  readonly outputPatch: ResidualBlockWeights;
  /** [1 or 2, dModel] */
  readonly tokens: WeightHandle;
  /** [1, dModel]: the row of `tokens` that is appended to every series; absent without a register token. */
  readonly regToken: WeightHandle | undefined;
  /** [levels]: the trained quantile levels. */
  readonly levels: WeightHandle;
}

/** The register token's id, fixed by the published class. */
const REG_TOKEN_ID = 1;

export async function loadChronosBoltWeights(
  loader: WeightLoader,
  scope: WeightScope,
  config: ChronosBoltConfig,
): Promise<ChronosBoltWeights> {
  const { t5, quantileLevels, predictionLength, patchLength } = config;
  const outputs = quantileLevels.length * predictionLength;
  scope.ignore('encoder.embed_tokens.weight', 'decoder.embed_tokens.weight', 'lm_head.weight');
  return {
    inputPatch: await loadResidualBlock(
      loader,
      scope.scope('input_patch_embedding'),
      2 * patchLength,
      t5.dFf,
      t5.dModel,
    ),
    encoder: await loadEncoder(loader, scope.scope('encoder'), t5),
    decoder: await loadDecoder(loader, scope.scope('decoder'), t5),
    outputPatch: await loadResidualBlock(loader, scope.scope('output_patch_embedding'), t5.dModel, t5.dFf, outputs),
    tokens: await loader.table(scope, 'shared.weight', t5.vocabSize, t5.dModel),
    regToken: config.useRegToken ? await loadRegToken(loader, scope, config) : undefined,
    levels: await loader.values('quantiles', Float32Array.from(quantileLevels), [quantileLevels.length, 1]),
  };
}

function loadRegToken(loader: WeightLoader, scope: WeightScope, { t5 }: ChronosBoltConfig): Promise<WeightHandle> {
  const tokens = loader.read(scope, 'shared.weight', [t5.vocabSize, t5.dModel]);
  const row = tokens.slice(REG_TOKEN_ID * t5.dModel, (REG_TOKEN_ID + 1) * t5.dModel);
  return loader.values('shared.weight[reg]', row, [1, t5.dModel]);
}

async function loadResidualBlock(
  loader: WeightLoader,
  scope: WeightScope,
  input: number,
  hidden: number,
  output: number,
): Promise<ResidualBlockWeights> {
  return {
    hidden: await loader.linear(scope.scope('hidden_layer'), hidden, input),
    output: await loader.linear(scope.scope('output_layer'), output, hidden),
    residual: await loader.linear(scope.scope('residual_layer'), output, input),
  };
}
