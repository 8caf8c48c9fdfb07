import { TidemergeError } from '../errors.js';

/** Rows from `begin` up to, not including, `end`. */
export interface Part {
  readonly begin: number;
  readonly end: number;
}

/** A table's rows in time order. Rows after the test part are not used. */
export interface TimeSplit {
  readonly train: Part;
  readonly validation: Part;
  readonly test: Part;
}

/** Three numbers: shares of all rows if they add up to at most 1, otherwise months of 30 days. */
export type SplitRule = readonly [train: number, validation: number, test: number];

/** The papers' split of every data set but ETT. */
export const SHARES: SplitRule = [0.7, 0.1, 0.2];
/** The papers' split of ETTh1, ETTh2, ETTm1 and ETTm2, in months. */
export const ETT_MONTHS: SplitRule = [12, 4, 4];

const DAYS_A_MONTH = 30;
const SECONDS_A_DAY = 86_400;

/**
 * Splits rows in time. Shares are cut as the papers' code does: train and test rounded down, validation the rest, if
 * the shares add up to 1. Months need `secondsPerRow`.
 *
 * Errors: ERR_INVALID_ARGUMENT for a rule that is none; ERR_BAD_DATA when the rows do not suffice.
 */
export function splitRows(name: string, rows: number, rule: SplitRule, secondsPerRow?: number): TimeSplit {
  const sum = rule[0] + rule[1] + rule[2];
  if (rule.length !== 3 || !rule.every((part) => part > 0 && Number.isFinite(part))) {
    throw new TidemergeError('ERR_INVALID_ARGUMENT', `split: expected three numbers above 0, got ${rule.join('/')}`);
  }
  const [train, validation, test] = sum <= 1 + 1e-9 ? shares(rows, rule, sum) : months(name, rule, secondsPerRow);
  if (train < 1 || validation < 1 || test < 1 || train + validation + test > rows) {
    const got = `${train} + ${validation} + ${test} rows`;
    throw new TidemergeError('ERR_BAD_DATA', `${name}: expected a split within its ${rows} rows, got ${got}`);
  }
  return {
    train: { begin: 0, end: train },
    validation: { begin: train, end: train + validation },
    test: { begin: train + validation, end: train + validation + test },
  };
}

function shares(rows: number, rule: SplitRule, sum: number): SplitRule {
  // 0.7 · 10 is a little less than 7 in binary.
  const [train, validation, test] = rule.map((share) => Math.floor(rows * share + 1e-6)) as unknown as SplitRule;
  return [train, sum > 1 - 1e-9 ? rows - train - test : validation, test];
}

function months(name: string, rule: SplitRule, secondsPerRow: number | undefined): SplitRule {
  if (!secondsPerRow) {
    throw new TidemergeError(
      'ERR_BAD_DATA',
      `${name}: expected rows a constant number of seconds apart to split by months, got others; give shares instead`,
    );
  }
  return rule.map((count) =>
    Math.round((count * DAYS_A_MONTH * SECONDS_A_DAY) / secondsPerRow),
  ) as unknown as SplitRule;
}

/** Values minus mean over (population) deviation, both of the observed values of `train`; a constant series keeps its unit. */
export function standardize(values: Float64Array, train: Part): Float64Array {
  let count = 0;
  let sum = 0;
  for (let i = train.begin; i < train.end; i++) {
    if (Number.isNaN(values[i])) continue;
    sum += values[i]!;
    count++;
  }
  const mean = count > 0 ? sum / count : 0;
  let squares = 0;
  for (let i = train.begin; i < train.end; i++) if (!Number.isNaN(values[i])) squares += (values[i]! - mean) ** 2;
  const deviation = Math.sqrt(squares / Math.max(1, count)) || 1;
  return values.map((value) => (value - mean) / deviation);
}
