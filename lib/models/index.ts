/** Models tensor by tensor, for those who bring their own or compare with other implementations. */
export type { MergingOptions, MergingPlace } from '../merging/options.js';
export { composedMap, type LayerTrace, type SeriesTrace } from '../merging/trace.js';
export type { SparseBinaryMatrix } from '../tensor/sparse-binary.js';
export type { Tensor } from '../tensor/tensor.js';
export type { FloatTensor, IntegerTensor } from '../tensor/user-tensors.js';
export type { ChronosBoltConfig } from './chronos-bolt/config.js';
export { type ChronosBoltForward, ChronosBoltModel, type ForwardOptions } from './chronos-bolt/model.js';
export type { ChronosT5Config } from './chronos-t5/config.js';
export {
  type CallOptions,
  ChronosT5Model,
  type DecodeInputs,
  type EncodeCallOptions,
  type EncodeInputs,
  type EncoderStates,
} from './chronos-t5/model.js';
export { type SamplingDistributionOptions, samplingDistribution } from './chronos-t5/sampling-distribution.js';
export {
  MeanScaleUniformBins,
  type PublishedTokenizerConfig,
  type TokenizedContext,
  type TokenizerConfig,
} from './chronos-t5/tokenizer.js';
export type { HyenaConfig } from './hyena/config.js';
export { HyenaModel } from './hyena/model.js';
export { type EncodedDna, encodeDna, encodeDnaBatch } from './hyena/tokenizer.js';
export type { LoadOptions } from './load.js';
export type { MambaConfig } from './mamba/config.js';
export type { MambaForward, MambaInputs, WantedLogits } from './mamba/forward.js';
export { MambaModel } from './mamba/model.js';
export type { MambaState } from './mamba/state.js';
export { MambaStream, type StreamOptions, type StreamOutputs, type StreamTokens } from './mamba/stream.js';
export type { Mamba2Config } from './mamba2/config.js';
export type { MergedPlaces, MergedStates } from './merged-states.js';
export { type AlphaRule, type BinarizeOptions, binarize } from './sbt/binarize.js';
export { type CheckpointOptions, sbtFromCheckpoint } from './sbt/checkpoint.js';
export { type CheckpointConfig, readCheckpointConfig } from './sbt/checkpoint-config.js';
export type { SbtConfig, SbtTask } from './sbt/config.js';
export { type CostOptions, costOf, type SbtCost } from './sbt/cost.js';
export type { HonestCost, MultiplyAdds } from './sbt/cost-honest.js';
export type { PaperCost, PaperOptions } from './sbt/cost-paper.js';
export type {
  ClassForward,
  ForwardInputs as SbtInputs,
  ForwardResult as SbtForward,
  StepForward,
} from './sbt/forward.js';
export { SbtModel } from './sbt/model.js';
export { type PackedSbt, packSbt, writeSbtModel } from './sbt/pack.js';
export { PAPER_DATASETS, type PaperDataset } from './sbt/paper-datasets.js';
export { readSbtConfig } from './sbt/read-config.js';
export { readSbtWeights } from './sbt/unpack.js';
export type {
  SbtActivationMasks,
  SbtLayerWeights,
  SbtLinear,
  SbtMatrix,
  SbtNorm,
  SbtWeights,
} from './sbt/weights.js';
export type {
  TokenForward as HyenaForward,
  TokenForwardInputs as HyenaInputs,
  TokenHead as HyenaHead,
  TokenHead as MambaHead,
} from './token-forward.js';
export type { LoadProgress } from './weight-loader.js';
