import { checkedPair, type Flags, segmentsOf } from './flags.js';

export interface PointAdjustOptions {
  /**
   * As the code published with the paper does it: step 0 is not marked by a later hit of its segment. Default false: every
   * step of a segment that was hit is marked.
   */
  readonly published?: boolean;
}

/**
 * Point adjustment (Xu et al., "Unsupervised Anomaly Detection via Variational Auto-Encoder", 2018): one hit inside a
 * true anomaly counts as if all its steps had been found. It looks at the labels, and flags drawn at random score highly
 * with it where segments are long: a figure to compare with papers, not a quality.
 *
 * @returns the predictions after it, 0 or 1.
 */
export function pointAdjust(
  predicted: Flags,
  labels: Flags,
  { published = false }: PointAdjustOptions = {},
): Uint8Array {
  const [adjusted, truth] = checkedPair('pointAdjust', predicted, labels);
  for (const { start, end } of segmentsOf(truth)) {
    const hit = adjusted.indexOf(1, start);
    if (hit < 0 || hit >= end) continue;
    adjusted.fill(1, published && start === 0 && hit > 0 ? 1 : start, end);
  }
  return adjusted;
}
