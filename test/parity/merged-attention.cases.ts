import { attention, columnView } from '../../lib/ops/attention.js';
import { matrix, type TensorData } from '../../lib/tensor/tensor.js';
import { attentionError, biasAt, part, type Score, scoreOf } from './attention-bound.js';
import type { Bound, ParityCase, Symbols } from './case.js';
import { offsetsOf, Random, total } from './random.js';

/*
 * Attention of merged tokens in themselves: the position bias is a mean over original positions.
 */

interface Options {
  readonly headDim: number;
  /** Merged and original tokens of each series. */
  readonly series: readonly (readonly [tokens: number, originals: number])[];
  readonly reach: number;
  /** Groups are runs of neighbours; otherwise they lie anywhere. */
  readonly contiguous: boolean;
  readonly positions?: 'gaps' | undefined;
  readonly sizes?: boolean;
}

const HEADS = 2;

function mergedCase(what: string, { headDim, series, reach, contiguous, positions, sizes }: Options): ParityCase {
  const tokens = series.map(([count]) => count);
  const originals = series.map(([, count]) => count);
  const random = new Random(total(originals) * 10 + headDim);
  const width = HEADS * headDim;
  const shapes = { numHeads: HEADS, headDim, scale: headDim ** -0.5 };
  const record = ({ qkv, offsets, distanceBias, keySizes, map, originalOffsets, places }: Symbols) => {
    const at = (column: number) => columnView({ tensor: qkv!, column });
    const groups = { map: map!, offsets: originalOffsets!, positions: places };
    const inputs = { query: at(0), key: at(width), value: at(2 * width), queryOffsets: offsets!, keyOffsets: offsets! };
    return { y: attention({ ...inputs, distanceBias, keySizes, groups }, shapes) };
  };
  const table = random.normals(HEADS * (2 * reach + 1));
  const rows = { rowsOf: 'offsets' } as const;
  return {
    name: `attention of merged tokens${what}: heads of ${headDim}, ${tokens} of ${originals} rows`,
    weights: { distanceBias: { kind: 'vector', dtype: 'float32', shape: [HEADS, 2 * reach + 1], data: table } },
    runs: [
      {
        qkv: random.matrix(total(tokens), 3 * width),
        offsets: offsetsOf(tokens),
        map: matrix(Int32Array.from(series.flatMap(([count, of]) => groupsOf(random, count, of, contiguous)))),
        originalOffsets: offsetsOf(originals),
        ...(positions && { places: gaps(random, total(originals)) }),
        ...(sizes && { keySizes: matrix(Float32Array.from({ length: total(tokens) }, () => 1 + random.below(5))) }),
      },
    ],
    record,
    bounds: { y: bound(shapes) },
    roles: {
      offsets: { offsets: true },
      originalOffsets: { offsets: true },
      qkv: rows,
      keySizes: rows,
      map: { rowsOf: 'originalOffsets' },
      places: { rowsOf: 'originalOffsets' },
      y: rows,
    },
  };
}

/** Every token gets an original; the others fall anywhere. */
function groupsOf(random: Random, tokens: number, originals: number, contiguous: boolean): number[] {
  const groups = Array.from({ length: originals }, (_, o) => (o < tokens ? o : random.below(tokens)));
  if (contiguous) return groups.sort((a, b) => a - b);
  for (let i = originals - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [groups[i], groups[j]] = [groups[j]!, groups[i]!];
  }
  return groups;
}

function gaps(random: Random, count: number): TensorData {
  let at = 2;
  return matrix(Int32Array.from({ length: count }, () => (at += 1 + random.below(3))));
}

function bound({ numHeads, headDim, scale }: { numHeads: number; headDim: number; scale: number }): Bound {
  const width = numHeads * headDim;
  return ({ inputs, weights, expected, isa }) => {
    const { qkv, keySizes, places } = inputs;
    const [offsets, originals, map] = [inputs.offsets!.data, inputs.originalOffsets!.data, inputs.map!.data];
    const table = weights.distanceBias!;
    const largest = Math.max(...Array.from(table.data, Math.abs));
    const bounds = new Float64Array(expected.data.length);
    for (let b = 0; b + 1 < offsets.length; b++) {
      const members = Array.from({ length: offsets[b + 1]! - offsets[b]! }, (): number[] => []);
      for (let o = originals[b]!; o < originals[b + 1]!; o++) {
        members[map[o]!]!.push(places?.data[o] ?? o - originals[b]!);
      }
      for (const [i, queries] of members.entries()) {
        for (let h = 0; h < numHeads; h++) {
          const query = part(qkv!, offsets[b]! + i, h * headDim, headDim);
          const scores = members.map((keys, j): Score => {
            const row = offsets[b]! + j;
            const biases = queries.flatMap((from) => keys.map((to) => biasAt(table, h, to - from)));
            const addends = [total(biases) / biases.length, Math.log(keySizes?.data[row] ?? 1)];
            const score = scoreOf(scale, query, part(qkv!, row, width + h * headDim, headDim), addends);
            // The error of the mean (native/ops/merged_bias.h), in units of what attentionError counts.
            const mean = ((queries.length + keys.length + 2) * largest) / (headDim + 6);
            return { ...score, magnitude: score.magnitude + mean };
          });
          const values = members.map((_, j) => part(qkv!, offsets[b]! + j, 2 * width + h * headDim, headDim));
          bounds.set(attentionError(scores, values, isa), (offsets[b]! + i) * width + h * headDim);
        }
      }
    }
    return bounds;
  };
}

const ragged = [
  [3, 5],
  [0, 0],
  [1, 40],
  [17, 17],
  [40, 70],
] as const;
const few = { headDim: 4, series: [[2, 3]], reach: 4, contiguous: true } as const;
const wrong = mergedCase('', few);
const inputs = wrong.runs[0]!;
const failing = (
  name: string,
  changed: Record<string, TensorData>,
  fails: NonNullable<ParityCase['fails']>,
): ParityCase => ({
  ...wrong,
  name: `attention of merged tokens with ${name}`,
  runs: [{ ...inputs, ...changed }],
  fails,
});

export const cases: ParityCase[] = [
  mergedCase('', { headDim: 5, series: ragged, reach: 128, contiguous: true }),
  mergedCase(' that lie apart', { headDim: 8, series: ragged, reach: 6, contiguous: false, sizes: true }),
  mergedCase(' with gaps', { headDim: 8, series: ragged, reach: 9, contiguous: false, positions: 'gaps' }),
  mergedCase(' in none', { headDim: 8, series: [], reach: 9, contiguous: true }),
  failing('a group too far', { map: matrix(Int32Array.of(0, 1, 2)) }, 'ERR_INVALID_ARGUMENT'),
  failing('an empty group', { map: matrix(Int32Array.of(1, 1, 1)) }, 'ERR_INVALID_ARGUMENT'),
  failing('groups of another batch', { originalOffsets: offsetsOf([2, 1]) }, 'ERR_INVALID_SHAPE'),
  failing('positions of other tokens', { places: matrix(Int32Array.of(0, 1)) }, 'ERR_INVALID_SHAPE'),
];
