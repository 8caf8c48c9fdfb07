import type { MergingTarget } from '../merging/options.js';

/** What a model with one stack of blocks and no attention merges: neighbours, by default, as its blocks follow the order of time. */
export function stackMerging(model: string, numLayers: number): MergingTarget {
  const reason = "it has one stack of blocks, 'encoder'";
  return {
    model,
    numLayers,
    k: 1,
    refuses: { decoder: reason, both: reason },
    noAttention: 'it has no attention whose logits could count a token',
  };
}
