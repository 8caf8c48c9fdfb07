import type { SbtConfig } from './config.js';
import { type HonestCost, honestCost } from './cost-honest.js';
import { densePaperCost, type PaperCost, type PaperOptions, sparsePaperCost } from './cost-paper.js';

export interface CostOptions extends PaperOptions {
  /** Bytes of the model's file. */
  readonly fileBytes?: number;
}

export interface SbtCost {
  /** As the paper counts (arXiv 2308.04637), for its ratios: one bit a weight, most products once a window. */
  readonly paper: {
    /** Undefined for a dense model. */
    readonly sparseBinary?: PaperCost;
    /** The dense model the paper compares with. */
    readonly dense: PaperCost;
    /** dense / sparse binary */
    readonly ratios?: { readonly bits: number; readonly flops: number };
  };
  /** What a file and a run really take. */
  readonly honest: HonestCost;
}

/** What a sparse binary transformer of this structure costs, counted in both ways; nothing is run. */
export function costOf(config: SbtConfig, options: CostOptions = {}): SbtCost {
  const dense = densePaperCost(config);
  const masked = config.task === 'classification' && options.activationKeepRatio !== 1;
  const honest = honestCost(config, masked, options.fileBytes);
  if (config.weights === 'dense') return { paper: { dense }, honest };
  const sparseBinary = sparsePaperCost(config, options);
  const ratios = { bits: dense.bits / sparseBinary.bits, flops: dense.flops / sparseBinary.flops };
  return { paper: { sparseBinary, dense, ratios }, honest };
}
