import type { TextEncodingName } from './text-encoding.js';

/** One multivariate series: `data` is row-major [length, variables], NaN where a value is missing. */
export interface Sample {
  readonly data: Float32Array;
  readonly shape: readonly [length: number, variables: number];
}

/** Samples of one number of variables and any lengths, in the order of the file. */
export interface SampleSet {
  readonly samples: Sample[];
  /** The class of every sample; empty for a file without classes. */
  readonly labels: string[];
  /** The classes as the file declares them, otherwise in the order they come. */
  readonly classNames: string[];
  readonly variableNames?: readonly string[];
  /** A table's column of labels: one text per step of its only sample. */
  readonly stepLabels?: readonly string[];
}

export interface SampleOptions {
  readonly encoding?: TextEncodingName;
  /** For messages; default the path. */
  readonly name?: string;
  /** Most values kept in memory; a sample counts as at least 128. Default 2^28, one gigabyte. */
  readonly maxValues?: number;
  readonly maxLineBytes?: number;
}

export const DEFAULT_MAX_SAMPLE_VALUES = 2 ** 28;
