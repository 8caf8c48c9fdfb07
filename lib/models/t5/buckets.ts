import { TidemergeError } from '../../errors.js';

/** How a T5 stack sorts distances into buckets that share one learnt bias. */
export interface BucketRule {
  readonly numBuckets: number;
  /** Distances from here on share the last bucket. */
  readonly maxDistance: number;
  /** Encoder: buckets for both directions. Decoder: only the past has buckets, the future shares bucket 0. */
  readonly bidirectional: boolean;
}

/**
 * Relative position bucket of T5 (Raffel et al. 2020, section 2.1) for `relativePosition` = key position - query
 * position. Small distances have a bucket each, larger ones share logarithmically growing ones. The logarithm is
 * rounded to float32 at every step, because published models were trained with exactly these borders.
 */
export function relativePositionBucket(relativePosition: number, rule: BucketRule): number {
  const numBuckets = rule.bidirectional ? rule.numBuckets >> 1 : rule.numBuckets;
  const direction = rule.bidirectional && relativePosition > 0 ? numBuckets : 0;
  const distance = rule.bidirectional ? Math.abs(relativePosition) : Math.max(-relativePosition, 0);
  const maxExact = numBuckets >> 1;
  if (distance < maxExact) return direction + distance;
  const { fround, log } = Math;
  const growth = fround(fround(log(fround(distance / maxExact))) / fround(log(rule.maxDistance / maxExact)));
  const large = maxExact + Math.trunc(fround(growth * (numBuckets - maxExact)));
  return direction + Math.min(large, numBuckets - 1);
}

/**
 * Spreads a learnt [numBuckets, numHeads] table over all distances: entry [h][d + D] is head h's bias for key - query
 * = d, D = maxDistance. Beyond D the bias no longer changes, so a reader may clamp the distance.
 */
export function distanceBias(table: Float32Array, numHeads: number, rule: BucketRule): Float32Array {
  const { numBuckets, maxDistance } = rule;
  if (table.length !== numBuckets * numHeads) {
    throw new TidemergeError(
      'ERR_INVALID_SHAPE',
      `distanceBias: table: expected ${numBuckets} x ${numHeads} values, got ${table.length}`,
    );
  }
  const width = 2 * maxDistance + 1;
  const bias = new Float32Array(numHeads * width);
  for (let d = -maxDistance; d <= maxDistance; d++) {
    const bucket = relativePositionBucket(d, rule);
    for (let h = 0; h < numHeads; h++) bias[h * width + d + maxDistance] = table[bucket * numHeads + h] ?? 0;
  }
  return bias;
}
