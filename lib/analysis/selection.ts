/** A model in one setting, as far as the rules of the local-merging paper look at it. */
export interface Candidate {
  readonly model: string;
  /** Unique within the model. */
  readonly setting: string;
  readonly merged: boolean;
  /** On the validation windows. */
  readonly mse: number;
  /** Series a second. */
  readonly speed: number;
}

/**
 * How a choice is compared:
 * - `same-size`: merged settings of a model with this model unmerged;
 * - `across-merged`: merged settings of all sizes with the best unmerged model (the rule behind the paper's table 2);
 * - `across-unmerged`: all sizes without merging with the best unmerged model, which is what choosing a smaller model
 *   gives by itself.
 */
export type Way = 'same-size' | 'across-merged' | 'across-unmerged';

export interface Choice {
  readonly way: Way;
  readonly reference: Candidate;
  /** Of the lowest MSE. Undefined: there is no candidate. */
  readonly best: Candidate | undefined;
  /** The fastest one that the rule allows. Undefined: it allows none. */
  readonly fastest: Candidate | undefined;
}

/** How far the MSE of the fastest choice may lie above the reference. */
const MARGIN = 1.03;

/** Choices for every model by itself. */
export function sameSize(candidates: readonly Candidate[]): Choice[] {
  return models(candidates).map((model) => {
    const own = candidates.filter((candidate) => candidate.model === model);
    const reference = own.find(({ merged }) => !merged)!;
    return choose(
      'same-size',
      reference,
      own.filter(({ merged }) => merged),
    );
  });
}

/** Choices among the sizes of one family; undefined with a single size, where there is nothing to choose across. */
export function acrossSizes(candidates: readonly Candidate[]): readonly [Choice, Choice] | undefined {
  const unmerged = candidates.filter(({ merged }) => !merged).sort((a, b) => a.mse - b.mse);
  const [reference, second] = unmerged;
  if (!reference || !second) return undefined;
  const merged = candidates.filter((candidate) => candidate.merged);
  return [choose('across-merged', reference, merged, second.mse), choose('across-unmerged', reference, unmerged)];
}

/**
 * @param below the paper's other condition across sizes: an MSE lower than the second-best unmerged model's. It has no
 * counterpart without merging, where it would leave the reference alone.
 */
function choose(way: Way, reference: Candidate, candidates: readonly Candidate[], below = Infinity): Choice {
  const allowed = candidates.filter(({ mse }) => mse <= MARGIN * reference.mse && mse < below);
  return {
    way,
    reference,
    best: least(candidates, ({ mse }) => mse),
    fastest: least(allowed, ({ speed }) => -speed),
  };
}

function models(candidates: readonly Candidate[]): string[] {
  return [...new Set(candidates.map(({ model }) => model))];
}

/** The first of the least. */
function least(candidates: readonly Candidate[], cost: (candidate: Candidate) => number): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>(
    (found, candidate) => (found && cost(found) <= cost(candidate) ? found : candidate),
    undefined,
  );
}
