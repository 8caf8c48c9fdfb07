import type { SbtConfig } from './config.js';
import type { SbtWeights } from './weights.js';

/** How the newest steps of windows are computed: what decides which inputs a program has. */
export type NewestWay = 'full' | 'mixed' | 'shared' | 'windows';

/**
 * 'mixed' where norms mix the steps of a window; 'shared' where a past step is the same in every window it stands in,
 * because no place is added to it; 'windows' where it differs by its place.
 */
export function newestWay(
  { attention, norm, positionCode }: SbtConfig,
  { layers }: Pick<SbtWeights, 'layers'>,
): NewestWay {
  if (attention === 'full') return 'full';
  if (norm === 'time') return 'mixed';
  return positionCode !== 'none' || layers.some(({ activationMasks }) => activationMasks) ? 'windows' : 'shared';
}
