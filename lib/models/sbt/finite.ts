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

/** Loads scales. */
export function positive(scope: WeightScope, weight: Weight): Float32Array {
  const data = finite(scope, weight);
  const bad = data.findIndex((value) => value <= 0);
  if (bad >= 0) throw badTensor(scope, weight.name, `expected numbers > 0, got ${data[bad]} at ${bad}`);
  return data;
}
