import type { SymbolicTensor } from '../../lib/backend/program.js';
import { add, multiply } from '../../lib/ops/elementwise.js';
import { type SparseStage, sparseChain } from '../../lib/ops/sparse-chain.js';
import { type SparseActivations, sparseLinear } from '../../lib/ops/sparse-linear.js';
import { matrix, type TensorData } from '../../lib/tensor/tensor.js';
import type { Bound, ParityCase, Symbols, Tensors } from './case.js';
import { Random } from './random.js';
import { sparseWeight } from './sparse-linear.cases.js';
import { forEachElement, sumError, U } from './tolerance.js';

interface Stage {
  readonly out: number;
  readonly bias?: boolean;
  readonly activation?: 'relu';
  readonly residual?: number;
}

/** The chain, and its difference to the products one by one, of which not a bit may be left. */
function chainCase(rows: number, inner: number, stages: readonly Stage[], activations: SparseActivations): ParityCase {
  const random = new Random(rows * 100 + inner);
  const widths = [inner, ...stages.map(({ out }) => out)];
  const weights: Record<string, NonNullable<ParityCase['weights']>[string]> = {};
  for (const [s, { out, bias }] of stages.entries()) {
    weights[`w${s}`] = sparseWeight(random, out, widths[s]!, 0.3);
    if (bias) weights[`b${s}`] = { kind: 'vector', dtype: 'float32', shape: [out, 1], data: random.normals(out) };
  }
  const minus = new Float32Array(rows * widths.at(-1)!).fill(-1);
  return {
    name: `sparse_chain [${rows}, ${widths.join(' to ')}] ${activations}`,
    weights,
    runs: [{ x: random.matrix(rows, inner), minus: matrix(minus, widths.at(-1)!, rows) }],
    record(symbols) {
      const chain = stages.map((stage, s) => stageOf(stage, s, symbols));
      const y = sparseChain(symbols.x!, chain, { activations });
      const difference = add(y, multiply(oneByOne(symbols.x!, chain, activations), symbols.minus!));
      return activations === 'int8' ? { difference } : { difference, y };
    },
    bounds: activations === 'int8' ? {} : { y: chainBound(stages) },
    roles: { x: { per: 1 }, minus: { per: 1 }, y: { per: 1 }, difference: { per: 1 } },
  };
}

function stageOf({ activation, residual }: Stage, s: number, symbols: Symbols): SparseStage {
  return { weight: symbols[`w${s}`]!, bias: symbols[`b${s}`], activation: activation ?? 'none', residual };
}

function oneByOne(x: SymbolicTensor, stages: readonly SparseStage[], activations: SparseActivations): SymbolicTensor {
  const results = [x];
  for (const { weight, residual, ...options } of stages) {
    const added = residual === undefined ? undefined : results[residual];
    results.push(sparseLinear(results.at(-1)!, weight, { ...options, residual: added, activations }));
  }
  return results.at(-1)!;
}

/** A value and how far float32 may be from it. */
interface Uncertain {
  readonly value: Float64Array;
  readonly error: Float64Array;
}

/** Errors of one product reach the next through every input it keeps. */
function chainBound(stages: readonly Stage[]): Bound {
  return ({ inputs, weights, expected, isa }) => {
    const { rows, cols, data } = inputs.x!;
    const errors = Array.from({ length: rows }, (_, i) => {
      const value = Float64Array.from(data.subarray(i * cols, (i + 1) * cols) as Float32Array);
      const results: Uncertain[] = [{ value, error: new Float64Array(cols) }];
      for (const [s, stage] of stages.entries()) results.push(uncertainStage(results, stage, s, weights, isa));
      return results.at(-1)!.error;
    });
    return forEachElement(expected, (_, at) => errors[Math.floor(at / expected.cols)]![at % expected.cols]!);
  };
}

function uncertainStage(
  results: readonly Uncertain[],
  { out, activation, residual }: Stage,
  s: number,
  weights: Tensors,
  isa: string,
): Uncertain {
  const x = results[s]!;
  const w = weights[`w${s}`]!.data as Float64Array;
  const bias = weights[`b${s}`] as TensorData | undefined;
  const value = new Float64Array(out);
  const error = new Float64Array(out);
  for (let j = 0; j < out; j++) {
    let [kept, sum, magnitude, passed] = [0, 0, Math.abs(bias?.data[j] as number) || 0, 0];
    for (const [k, input] of x.value.entries()) {
      const entry = w[j * x.value.length + k]!;
      if (entry === 0) continue;
      kept++;
      sum += entry * input;
      magnitude += Math.abs(entry) * (Math.abs(input) + x.error[k]!);
      passed += Math.abs(entry) * x.error[k]!;
    }
    const linear = sum + ((bias?.data[j] as number) ?? 0);
    const added = residual === undefined ? undefined : results[residual]!;
    value[j] = (activation === 'relu' ? Math.max(0, linear) : linear) + (added?.value[j] ?? 0);
    error[j] = passed + sumError(kept + 2, magnitude, isa) + (added?.error[j] ?? 0);
    error[j]! += 2 * U * (Math.abs(value[j]!) + error[j]!);
  }
  return { value, error };
}

/** A block of a transformer whose attention sees one token: value, output, two layers. */
const block = (d: number, f: number, first: number): Stage[] => [
  { out: d, bias: true },
  { out: d, bias: true, residual: first },
  { out: f, activation: 'relu' },
  { out: d, residual: first + 2 },
];

const wrongWidth: ParityCase = {
  name: 'sparse_chain of too few columns',
  weights: { w: sparseWeight(new Random(1), 3, 5, 0.5) },
  runs: [{ x: matrix(new Float32Array(8), 4) }],
  record: ({ x, w }) => ({ y: sparseChain(x!, [{ weight: w! }]) }),
  fails: 'ERR_INVALID_SHAPE',
};

export const cases: ParityCase[] = [
  chainCase(1, 1, [{ out: 1 }], 'float32'),
  chainCase(0, 3, [{ out: 2 }], 'float32'),
  chainCase(9, 5, [{ out: 0 }, { out: 4, bias: true }], 'float32'),
  chainCase(77, 50, block(50, 76, 0), 'float32'),
  chainCase(140, 38, [{ out: 50 }, ...block(50, 130, 1), ...block(50, 130, 5)], 'float32'),
  chainCase(131, 20, block(20, 70, 0), 'int8'),
  chainCase(3, 350, [{ out: 300 }, { out: 300, residual: 1 }], 'int8'),
  wrongWidth,
];
