import type { SbtConfig } from './config.js';
import type { SbtWeights } from './weights.js';

/**
 * What is added to an embedded sample at every place of a window, [windowLength, dModel]; undefined where the model has
 * none. Sinusoids (Vaswani et al. 2017): sin and cos of place · 10000^(-2i / dModel) in columns 2i and 2i + 1.
 */
export function positionCode(
  { positionCode: kind, windowLength, dModel }: Pick<SbtConfig, 'positionCode' | 'windowLength' | 'dModel'>,
  stored: SbtWeights['positions'],
): Float32Array | undefined {
  if (kind !== 'sinusoidal') return kind === 'table' ? stored : undefined;
  const code = new Float32Array(windowLength * dModel);
  for (let place = 0; place < windowLength; place++) {
    for (let c = 0; c < dModel; c++) {
      const angle = place * 10000 ** (-(c - (c % 2)) / dModel);
      code[place * dModel + c] = c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return code;
}
