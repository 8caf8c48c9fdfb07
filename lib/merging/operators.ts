import type { SymbolicTensor } from '../backend/program.js';
import type { MergeRule } from './options.js';

export interface MergedTokens {
  readonly tokens: SymbolicTensor;
  readonly sizes: SymbolicTensor;
  readonly offsets: SymbolicTensor;
  readonly map: SymbolicTensor;
  readonly last: SymbolicTensor;
  readonly best: SymbolicTensor;
}

export function mergeTokens(
  { x, offsets, sizes }: { x: SymbolicTensor; offsets: SymbolicTensor; sizes: SymbolicTensor | undefined },
  rule: MergeRule,
): MergedTokens {
  const int = { dtype: 'int32', columns: 1 } as const;
  const float = { dtype: 'float32', columns: 1 } as const;
  const [tokens, newSizes, newOffsets, map, , last, best] = x.builder.apply(
    'merge_tokens',
    [x, offsets, sizes, undefined, undefined],
    { ...rule, common: false, similarity: 'cosine', weighted: true },
    [
      { dtype: 'float32', columns: x.columns },
      float,
      int,
      int,
      { dtype: 'uint8', columns: 1 },
      float,
      float,
      int,
      { dtype: 'int32', columns: 2 },
    ],
  );
  return { tokens: tokens!, sizes: newSizes!, offsets: newOffsets!, map: map!, last: last!, best: best! };
}

export function composeMaps(
  first: SymbolicTensor,
  offsets: SymbolicTensor,
  second: SymbolicTensor,
  secondOffsets: SymbolicTensor,
): SymbolicTensor {
  const [y] = first.builder.apply('compose_maps', [first, offsets, second, secondOffsets], {}, [
    { dtype: 'int32', columns: 1 },
  ]);
  return y!;
}

export function unmergeTokens(
  tokens: SymbolicTensor,
  mergedOffsets: SymbolicTensor,
  map: SymbolicTensor,
  offsets: SymbolicTensor,
): SymbolicTensor {
  const [y] = tokens.builder.apply('unmerge_tokens', [tokens, mergedOffsets, map, offsets], {}, [
    { dtype: 'float32', columns: tokens.columns },
  ]);
  return y!;
}
