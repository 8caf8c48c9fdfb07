/**
 * `tidemerge/ops`: operators on tensors of the caller. The functions that record operators into programs are in the
 * modules beside this one, under the same names.
 */

export type { Tensor } from '../tensor/tensor.js';
export * from './direct.js';
export type { ApplyMapOptions } from './direct-maps.js';
export { applyMap, composeMaps, unmergeTokens } from './direct-maps.js';
export type { MergedBatch, MergeLinks, MergeOptions } from './direct-merge.js';
export { mergeTokens } from './direct-merge.js';
export type { SelectiveScanInputs, SelectiveScanResult } from './direct-scan.js';
export { selectiveScan } from './direct-scan.js';
export type { MergeCost } from './merge-cost.js';
export { mergeFlops, similarityCount, speedupBound } from './merge-cost.js';
