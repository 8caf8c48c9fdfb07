import { TidemergeError } from '../../errors.js';

/** The part of a forecaster's `merging` option that is swept. */
export interface SweptMerging {
  readonly r?: number;
  readonly ratio?: number;
  readonly k: number | 'global';
  readonly minTokens?: number;
  /** The control: the A token is dropped instead of averaged. */
  readonly prune?: boolean;
}

/** One line of the tables. */
export interface Setting {
  /** 'unmerged', 'r 8 k 1', 'ratio 0.25 k global' */
  readonly name: string;
  readonly merging: SweptMerging | false;
}

export interface SweepOptions {
  readonly r?: readonly number[] | undefined;
  readonly ratio?: readonly number[] | undefined;
  readonly k: readonly (number | 'global')[];
  readonly minTokens?: number | undefined;
}

export const UNMERGED: Setting = { name: 'unmerged', merging: false };
const DEFAULT_RATIOS = [0.0625, 0.125, 0.25, 0.5];

/** Unmerged first, then every amount with every neighbourhood. */
export function sweep({ r, ratio, k, minTokens }: SweepOptions): Setting[] {
  if (r && ratio) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', 'bench merging: expected --r or --ratio, got both');
  }
  const amounts = r
    ? r.map((amount) => ({ r: amount }))
    : (ratio ?? DEFAULT_RATIOS).map((amount) => ({ ratio: amount }));
  const more = minTokens === undefined ? {} : { minTokens };
  const merged = k.flatMap((reach) =>
    amounts.map((amount): Setting => {
      const [[name, value]] = Object.entries(amount) as [[string, number]];
      return { name: `${name} ${value} k ${reach}`, merging: { ...amount, k: reach, ...more } };
    }),
  );
  return [UNMERGED, ...merged];
}
