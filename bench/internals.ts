/*
 * What no published entry point offers and a measurement needs: a backend with a chosen number of threads for single
 * operators, programs of one operator, whose weights are packed once as in a model, merges without a model, and counts of
 * operations.
 */
export { hyenaFlops } from '../dist/analysis/hyena-flops.js';
export { mambaFlops } from '../dist/analysis/mamba-flops.js';
export { encoderFlops } from '../dist/analysis/t5-flops.js';
export type { Backend, WeightSpec } from '../dist/backend/backend.js';
export { ProgramBuilder, type SymbolicTensor } from '../dist/backend/program.js';
export { createBackend } from '../dist/backend/select.js';
export { binarize } from '../dist/models/sbt/binarize.js';
export type { SbtConfig } from '../dist/models/sbt/config.js';
export { SbtModel } from '../dist/models/sbt/model.js';
export { PAPER_DATASETS } from '../dist/models/sbt/paper-datasets.js';
export { sinusoids } from '../dist/models/sbt/positions.js';
export type { SbtLinear, SbtWeights } from '../dist/models/sbt/weights.js';
export { cachedAttention } from '../dist/ops/cached-attention.js';
export { linear as recordLinear } from '../dist/ops/linear.js';
export { mergeTokens as recordMergeTokens } from '../dist/ops/merge-tokens.js';
export { selectiveScan as recordSelectiveScan } from '../dist/ops/selective-scan.js';
export { type SparseActivations, sparseLinear as recordSparseLinear } from '../dist/ops/sparse-linear.js';
export { denseFromSparseBinary, type SparseBinaryMatrix } from '../dist/tensor/sparse-binary.js';
export { matrix } from '../dist/tensor/tensor.js';
