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

/** A finite number above `above`. */
export function number(above: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value > above && value < Infinity)) {
      throw new InvalidArgumentError(`expected a number above ${above}, got '${text}'.`);
    }
    return value;
  };
}

/** A number from 0 to 1. */
export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError(`expected a number from 0 to 1, got '${text}'.`);
  }
  return value;
}

/** Pairs of tokens between which tokens may merge: a whole number of at least 1, or global. */
export function neighbourhood(text: string): number | 'global' {
  return text.trim() === 'global' ? 'global' : integer(1)(text);
}

/** Comma-separated values, in the order given, none twice. */
export function list<T>(parse: (text: string) => T): (text: string) => T[] {
  return (text) => [...new Set(text.split(',').map((part) => parse(part)))];
}

/** Collects an option that may be given more than once. */
export function repeated(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text];
}

/** Three numbers above 0 with slashes between them. */
export function splitRule(text: string): [number, number, number] {
  const parts = text.split('/').map(number(0));
  if (parts.length !== 3) throw new InvalidArgumentError(`expected three numbers such as 0.7/0.1/0.2, got '${text}'.`);
  return parts as [number, number, number];
}

/** A finite number. */
export function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new InvalidArgumentError(`expected a number, got '${text}'.`);
  return value;
}
