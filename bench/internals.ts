/*
 * What no published entry point offers and a measurement needs: a backend with a chosen number of threads for single
 * operators, and programs of one operator, whose weights are packed once as in a model.
 */
export type { Backend, WeightSpec } from '../dist/backend/backend.js';
export { ProgramBuilder, type SymbolicTensor } from '../dist/backend/program.js';
export { createBackend } from '../dist/backend/select.js';
export { linear as recordLinear } from '../dist/ops/linear.js';
export { type SparseActivations, sparseLinear as recordSparseLinear } from '../dist/ops/sparse-linear.js';
export { denseFromSparseBinary, type SparseBinaryMatrix } from '../dist/tensor/sparse-binary.js';
export { matrix } from '../dist/tensor/tensor.js';
