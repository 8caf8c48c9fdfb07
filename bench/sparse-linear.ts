import { expectClose } from './compare.js';
import {
  type Backend,
  createBackend,
  denseFromSparseBinary,
  matrix,
  ProgramBuilder,
  recordLinear,
  recordSparseLinear,
  type SparseActivations,
  type SparseBinaryMatrix,
  type SymbolicTensor,
} from './internals.js';
import { difference, median, quantile, ROUNDOFF, randomArray, uniform } from './numbers.js';
import { type Options, Report, type Row } from './report.js';

/*
 * Sparse binary products against our own dense float32 product of the same matrix in full. All contenders take turns;
 * a ratio is the median of those of all rounds, with its quartiles. A run is a loop inside a program, so that crossing
 * into C++ once does not count.
 */

const SHAPES = [
  [64, 64],
  [128, 128],
  [256, 256],
  [512, 512],
  [256, 76],
  [76, 256],
] as const;
const KEEP_RATIOS = [0.5, 0.25, 0.1];

type Run = (turns: number) => Promise<Float32Array>;

export async function run(options: Options): Promise<void> {
  const report = await Report.start('sparse-linear', options);
  for (const threads of [1, 2]) {
    const backend = await createBackend({ threads });
    for (const rows of options.quick ? [192] : [192, 256, 1]) {
      const table: Row[] = [];
      for (const [out, inner] of options.quick ? SHAPES.slice(0, 2) : SHAPES) {
        for (const keepRatio of KEEP_RATIOS) table.push(await measure(backend, rows, out, inner, keepRatio, options));
      }
      report.table(`${rows} rows, ${threads} thread${threads > 1 ? 's' : ''}: times faster than dense`, table);
    }
    backend.dispose();
  }
  report.finish();
}

async function measure(
  backend: Backend,
  rows: number,
  out: number,
  inner: number,
  keepRatio: number,
  { quick }: Options,
): Promise<Row> {
  const x = randomArray(rows * inner, 1);
  const weight = randomMatrix(out, inner, keepRatio);
  const contenders: readonly (readonly [string, Run])[] = [
    ['dense', await contender(backend, x, weight, 'dense')],
    ['float32', await contender(backend, x, weight, 'float32')],
    ['int8', await contender(backend, x, weight, 'int8')],
  ];
  await check(contenders, x, inner);
  const turns = Math.max(4, Math.round(4e7 / (rows * out * inner)));
  const times = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
  for (let round = 0; round < (quick ? 7 : 25); round++) {
    for (const [name, run] of round % 2 ? contenders.toReversed() : contenders) {
      const start = performance.now();
      await run(turns);
      times.get(name)!.push(((performance.now() - start) * 1e3) / turns);
    }
  }
  const row: Record<string, number | string> = {
    out,
    in: inner,
    keepRatio,
    'dense us': Math.min(...times.get('dense')!),
  };
  for (const name of ['float32', 'int8']) {
    const ratios = times.get(name)!.map((time, i) => times.get('dense')![i]! / time);
    row[`${name} us`] = Math.min(...times.get(name)!);
    row[`${name} x`] = median(ratios);
    row[`${name} quartiles`] = [0.25, 0.75].map((p) => quantile(ratios, p).toFixed(2)).join(' - ');
  }
  return row;
}

/** Sums of at most `inner` inputs with one scale; int8 adds half a step of the row for every input. */
async function check(contenders: readonly (readonly [string, Run])[], x: Float32Array, inner: number): Promise<void> {
  const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const alpha = alphaOf(inner);
  const expected = await contenders[0]![1](1);
  for (const [name, run] of contenders) {
    const rounding = 2 * (inner + 4) * ROUNDOFF * inner * largest * alpha;
    const step = name === 'int8' ? (alpha * inner * largest) / 253 : 0;
    expectClose(name, difference(await run(1), expected).largest, rounding + step);
  }
}

const alphaOf = (inner: number) => Math.fround(0.5 / Math.sqrt(inner));

function randomMatrix(out: number, inner: number, keepRatio: number): SparseBinaryMatrix {
  const next = uniform(out * 1000 + inner);
  const mask = new Uint8Array(Math.ceil((out * inner) / 8));
  const signs = new Uint8Array(mask.length);
  let kept = 0;
  for (let i = 0; i < out * inner; i++) {
    if ((next() + 1) / 2 >= keepRatio) continue;
    mask[i >> 3]! |= 1 << (i & 7);
    if (next() < 0) signs[kept >> 3]! |= 1 << (kept & 7);
    kept++;
  }
  return { shape: [out, inner], mask, signs: signs.slice(0, Math.ceil(kept / 8)), alpha: alphaOf(inner) };
}

/** A program that computes the same product again and again. */
async function contender(
  backend: Backend,
  x: Float32Array,
  weight: SparseBinaryMatrix,
  how: 'dense' | SparseActivations,
): Promise<Run> {
  const [out, inner] = weight.shape;
  const handle =
    how === 'dense'
      ? await backend.createWeight({
          name: 'w',
          kind: 'matrix',
          dtype: 'float32',
          shape: weight.shape,
          data: denseFromSparseBinary(weight),
        })
      : await backend.createWeight({ name: 'w', kind: 'sparse-binary', ...weight });
  const builder = new ProgramBuilder();
  const [given, w] = [builder.input('x', 'float32', inner), builder.weight(handle)];
  const product = (): SymbolicTensor =>
    how === 'dense' ? recordLinear(given, w) : recordSparseLinear(given, w, { activations: how });
  const [y] = builder.repeat(builder.input('turns', 'int32', 1), [product()], () => [product()] as const);
  builder.output('y', y!);
  const { description, weights } = builder.build();
  const session = backend.createProgram(description, weights).createSession();
  return async (turns) => {
    const inputs = { x: matrix(x, inner, x.length / inner), turns: matrix(Int32Array.of(turns), 1) };
    const result = (await session.run(inputs)).y!;
    if (result.cols !== out) throw new Error(`sparse-linear: expected ${out} columns, got ${result.cols}`);
    return result.data as Float32Array;
  };
}
