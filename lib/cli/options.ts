import { InvalidArgumentError } from 'commander';

/** A whole number of at least `minimum`. */
export function integer(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < minimum) {
      throw new InvalidArgumentError(`expected a whole number of at least ${minimum}, got '${text}'.`);
    }
    return value;
  };
}

/** Comma-separated quantile levels, each strictly between 0 and 1, in ascending order. */
export function quantileLevels(text: string): number[] {
  const levels = text.split(',').map((part) => {
    const level = Number(part);
    if (part.trim() === '' || !(level > 0 && level < 1)) {
      throw new InvalidArgumentError(`expected numbers between 0 and 1 separated by commas, got '${part}'.`);
    }
    return level;
  });
  return [...new Set(levels)].sort((a, b) => a - b);
}

/** Collects an option that may be given more than once, or with commas, and only with known words. */
export function words<const W extends string>(known: readonly W[]): (text: string, previous?: readonly W[]) => W[] {
  return (text, previous = []) => {
    const added = text.split(',').map((part) => {
      const word = known.find((candidate) => candidate === part.trim());
      if (!word) throw new InvalidArgumentError(`expected one of ${known.join(', ')}, got '${part}'.`);
      return word;
    });
    return [...new Set([...previous, ...added])];
  };
}
