import { TidemergeError } from '../errors.js';

/**
 * Similarities a merge computes: floor(t / 2) + (k - 1) · (t - k) for even t (arXiv 2405.17951, section 3), k cut to
 * floor(t / 2); the newest token of an odd t takes no part.
 */
export function similarityCount(tokens: number, k: number | 'global'): number {
  const pairs = Math.floor(tokens / 2);
  const reach = k === 'global' ? pairs : Math.min(k, pairs);
  return pairs === 0 ? 0 : pairs + (reach - 1) * (2 * pairs - reach);
}

export interface MergeCost {
  /** Before the merge. */
  readonly tokens: number;
  readonly channels: number;
  /** Neighbourhood in pairs. */
  readonly k: number | 'global';
  /** Tokens removed; default: half of them. */
  readonly r?: number | undefined;
}

/**
 * Floating-point operations of one merge, a multiply-add as two: a dot product for every similarity, the norm of every
 * token, and two products a channel for the mean of every merged pair. Choosing the links is not counted.
 */
export function mergeFlops({ tokens, channels, k, r = Math.floor(tokens / 2) }: MergeCost): number {
  for (const [name, value] of Object.entries({ tokens, channels, r })) expectCount(name, value, 0);
  if (k !== 'global') expectCount('k', k, 1);
  return 2 * channels * (similarityCount(tokens, k) + tokens + 2 * Math.min(r, Math.floor(tokens / 2)));
}

/**
 * How many times faster `layers` layers can become at most when each merges half of its tokens (arXiv 2405.17951,
 * section 3): 3 L 4^(L-1) / (4^L - 1) where a layer's cost grows with the square of its tokens, and by the same argument
 * L / (2 (1 - 2^-L)) where it grows linearly.
 */
export function speedupBound(layers: number, cost: 'quadratic' | 'linear'): number {
  expectCount('layers', layers, 1);
  // Divided through by 4^L, so that deep models do not overflow.
  if (cost === 'quadratic') return (0.75 * layers) / (1 - 4 ** -layers);
  if (cost === 'linear') return (0.5 * layers) / (1 - 2 ** -layers);
  throw new TidemergeError('ERR_INVALID_ARGUMENT', `speedupBound: cost: expected 'quadratic' or 'linear', got ${cost}`);
}

function expectCount(name: string, value: unknown, least: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw new TidemergeError('ERR_INVALID_ARGUMENT', `${name}: expected an integer >= ${least}, got ${String(value)}`);
}
