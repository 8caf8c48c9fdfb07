import { TidemergeError } from '../../errors.js';

/**
 * A = -exp(A_log) of a mixer. A state decays only where A is negative: a logarithm that makes A zero, infinite or NaN
 * is an ERR_BAD_MODEL that names the tensor and the place.
 */
export function decayOf(name: string, logarithms: Float32Array): Float32Array {
  const decay = logarithms.map((value) => -Math.exp(value));
  const at = decay.findIndex((value) => !(value < 0 && value > -Infinity));
  if (at < 0) return decay;
  throw new TidemergeError(
    'ERR_BAD_MODEL',
    `tensor ${name}: expected logarithms of finite A < 0, got ${logarithms[at]} (A = ${decay[at]}) at ${at}`,
  );
}
