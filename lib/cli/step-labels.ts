import { TidemergeError } from '../errors.js';
import type { SampleSet } from '../io/index.js';
import { quote } from '../io/quote.js';
import { readInput } from './sample-input.js';

/** Where a command finds which steps are anomalous. */
export interface LabelOptions {
  readonly labelColumn?: string;
  readonly labels?: string;
}

const WORDS = new Map([
  ['true', 1],
  ['false', 0],
]);

/**
 * 0 or 1 for every step of the only series of `set`, from the column that was read with it or from a file of its own;
 * undefined where neither was asked for. ERR_BAD_DATA.
 */
export async function stepLabels(path: string, set: SampleSet, options: LabelOptions): Promise<Uint8Array | undefined> {
  const { labels: file, labelColumn } = options;
  if (file === undefined && labelColumn === undefined) return undefined;
  const source = file ?? path;
  const [series] = set.samples;
  if (set.samples.length !== 1) throw bad(path, 'one series where there are labels', String(set.samples.length));
  if (file === undefined && !set.stepLabels) throw bad(path, '--label-column with a table', 'another format');
  const labels = file === undefined ? parsed(source, set.stepLabels!) : await readLabels(file);
  const steps = series!.shape[0];
  if (labels.length !== steps) throw bad(source, `a label for each of ${steps} steps`, String(labels.length));
  return labels;
}

async function readLabels(file: string): Promise<Uint8Array> {
  const { samples } = await readInput(file);
  const [only] = samples;
  if (samples.length !== 1 || only!.shape[1] !== 1) {
    throw bad(file, 'one column of labels', `${samples.length} series of ${only!.shape[1]} columns`);
  }
  return Uint8Array.from(only!.data, (value, step) => flag(file, step, value, String(value)));
}

function parsed(source: string, texts: readonly string[]): Uint8Array {
  return Uint8Array.from(texts, (text, step) => {
    const value = WORDS.get(text.toLowerCase()) ?? (text === '' ? NaN : Number(text));
    return flag(source, step, value, quote(text));
  });
}

function flag(source: string, step: number, value: number, got: string): number {
  if (value === 0 || value === 1) return value;
  throw bad(source, `a label 0 or 1 for step ${step}`, got);
}

function bad(source: string, expected: string, got: string): TidemergeError {
  return new TidemergeError('ERR_BAD_DATA', `${source}: expected ${expected}, got ${got}`);
}
