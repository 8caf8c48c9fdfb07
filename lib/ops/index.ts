/**
 * `tidemerge/ops`: operators on tensors of the caller. The functions that record operators into programs are in the
 * modules beside this one, under the same names.
 */

export type { Tensor } from '../tensor/tensor.js';
export * from './direct.js';
export type { CausalConv1dInputs, CausalConv1dResult } from './direct-conv1d.js';
export { causalConv1d } from './direct-conv1d.js';
export type { LongConvOptions } from './direct-long-conv.js';
export { longConv } from './direct-long-conv.js';
export type { ApplyMapOptions } from './direct-maps.js';
export { applyMap, composeMaps, unmergeTokens } from './direct-maps.js';
export type { MergedBatch, MergeLinks, MergeOptions } from './direct-merge.js';
export { mergeTokens } from './direct-merge.js';
export type { SelectiveScanInputs, SelectiveScanResult } from './direct-scan.js';
export { selectiveScan } from './direct-scan.js';
export type { SsdScanInputs, SsdScanResult } from './direct-ssd.js';
export { ssdScan } from './direct-ssd.js';
export type { SelectiveStateUpdateInputs, SelectiveStateUpdateResult } from './direct-state-update.js';
export { selectiveStateUpdate } from './direct-state-update.js';
export type { MambaInnerInputs } from './mamba-inner.js';
export { mambaInner } from './mamba-inner.js';
export type { MergeCost } from './merge-cost.js';
export { mergeFlops, similarityCount, speedupBound } from './merge-cost.js';
export type { SequenceLayout } from './sequence-layout.js';
