import { TidemergeError } from '../../errors.js';
import { quote } from '../../io/quote.js';
import type { Weight, WeightScope } from '../../io/weight-scope.js';

export function badTensor(scope: WeightScope, name: string, problem: string): TidemergeError {
  return new TidemergeError('ERR_BAD_MODEL', `${scope.source}: tensor ${quote(name)}: ${problem}`);
}

/** Loads a tensor of which no number may be NaN or infinite. */
export function finite(scope: WeightScope, weight: Weight): Float32Array {
  const data = weight.load();
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw badTensor(scope, weight.name, `expected finite numbers, got ${data[bad]} at ${bad}`);
  return data;
}

/** Loads a U8 tensor. */
export function bytesOf(scope: WeightScope, weight: Weight): Uint8Array {
  if (weight.dtype !== 'U8') throw badTensor(scope, weight.name, `expected U8, got ${weight.dtype}`);
  return weight.loadRaw().data as Uint8Array;
}

/** Loads scales. */
export function positive(scope: WeightScope, weight: Weight): Float32Array {
  const data = finite(scope, weight);
  const bad = data.findIndex((value) => value <= 0);
  if (bad >= 0) throw badTensor(scope, weight.name, `expected numbers > 0, got ${data[bad]} at ${bad}`);
  return data;
}

/** What is wrong with an argument in there is wrong with the model here. */
export function asBadModel<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof TidemergeError)) throw error;
    throw new TidemergeError('ERR_BAD_MODEL', error.message, { cause: error });
  }
}
