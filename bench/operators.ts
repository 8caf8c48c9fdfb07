import { attention, type FloatTensor, linear, rmsNorm, softmax } from 'tidemerge/ops';
import * as baseline from './baselines/attention.js';
import * as matmul from './baselines/matmul.js';
import { rmsNormRows } from './baselines/norm.js';
import { softmaxRows } from './baselines/softmax.js';
import { type Candidate, compare, expectClose } from './compare.js';
import { type Backend, createBackend, matrix, ProgramBuilder, recordLinear } from './internals.js';
import { difference, ROUNDOFF, randomArray } from './numbers.js';
import { type Options, Report, type Row } from './report.js';

/*
 * Single operators: native with one and two threads, tuned JavaScript, and at the small size the reference backend.
 */

/** Shapes of Chronos-Bolt-tiny (33 tokens) and of Chronos-T5-small (513 tokens). */
const SIZES = [
  { tokens: 33, dModel: 256, dFf: 1024, numHeads: 4, reference: true },
  { tokens: 513, dModel: 512, dFf: 2048, numHeads: 8, reference: false },
] as const;
type Size = (typeof SIZES)[number];

/** One operator in one size: a result for each way to compute it, and how much rounding may tell them apart. */
interface Subject {
  readonly title: string;
  readonly expected: Float32Array;
  /** Bound of the rounding errors of float32 sums in any order. */
  readonly bound: number;
  readonly native: (backend: Backend) => Promise<readonly { readonly name: string; readonly run: () => Result }[]>;
  readonly tuned: () => Float32Array;
  readonly reference: () => FloatTensor;
}
type Result = FloatTensor | Promise<FloatTensor>;

export async function run(options: Options): Promise<void> {
  const report = await Report.start('operators', options);
  const backends = await Promise.all([1, 2].map((threads) => createBackend({ threads })));
  for (const size of SIZES) {
    if (options.quick && !size.reference) continue;
    for (const make of [linearSubject, softmaxSubject, rmsNormSubject, attentionSubject]) {
      await measure(report, make(size), backends, size.reference);
    }
  }
  for (const backend of backends) backend.dispose();
  report.finish();
}

async function measure(report: Report, subject: Subject, backends: readonly Backend[], reference: boolean) {
  const candidates: Candidate[] = [];
  const facts = new Map<string, Row>();
  const check = (candidate: Candidate, result: Float32Array) => {
    const { largest } = difference(result, subject.expected);
    expectClose(`${subject.title}: ${candidate.name}`, largest, subject.bound);
    facts.set(candidate.name, { 'largest error': largest, 'allowed error': subject.bound });
    candidates.push(candidate);
  };
  for (const backend of backends) {
    const threads = `${backend.threads} thread${backend.threads > 1 ? 's' : ''}`;
    for (const { name, run } of await subject.native(backend)) {
      check({ name: `native${name}, ${threads}`, run }, (await run()).data);
    }
  }
  check({ name: 'tuned JavaScript', run: subject.tuned }, subject.tuned());
  if (reference) check({ name: "backend 'js'", run: subject.reference }, subject.reference().data);
  await compare(report, subject.title, candidates, facts);
}

function linearSubject({ tokens, dModel, dFf }: Size): Subject {
  const x = { data: randomArray(tokens * dModel, 1), shape: [tokens, dModel] };
  const weight = { data: randomArray(dFf * dModel, 2), shape: [dFf, dModel] };
  const packed = matmul.pack(weight.data, dFf, dModel);
  const tuned = () => matmul.linear(x.data, packed);
  const sizes = matmul.linear(x.data.map(Math.abs), matmul.pack(weight.data.map(Math.abs), dFf, dModel));
  return {
    title: `linear ${tokens} x ${dFf} x ${dModel}`,
    expected: tuned(),
    bound: (dModel + 1) * ROUNDOFF * largestOf(sizes),
    tuned,
    reference: () => linear(x, weight, { backend: 'js' }),
    // In a model weights are packed once; the direct function packs them at every call.
    native: async (backend) => [
      { name: '', run: await packedLinear(backend, x, weight) },
      { name: ' called directly', run: () => linear(x, weight, { backend }) },
    ],
  };
}

/** A program of one operator. */
async function packedLinear(
  backend: Backend,
  x: FloatTensor,
  weight: FloatTensor,
): Promise<() => Promise<FloatTensor>> {
  const [out, inner] = weight.shape as [number, number];
  const spec = { name: 'weight', kind: 'matrix', dtype: 'float32', shape: [out, inner] } as const;
  const handle = await backend.createWeight({ ...spec, data: weight.data });
  const builder = new ProgramBuilder();
  builder.output('y', recordLinear(builder.input('x', 'float32', inner), builder.weight(handle)));
  const { description, weights } = builder.build();
  const session = backend.createProgram(description, weights).createSession();
  const inputs = { x: matrix(x.data, inner) };
  return async () => ({ data: (await session.run(inputs)).y!.data as Float32Array, shape: [x.shape[0]!, out] });
}

function softmaxSubject({ tokens, numHeads }: Size): Subject {
  const x = { data: randomArray(numHeads * tokens * tokens, 3, 3), shape: [numHeads * tokens, tokens] };
  const y = new Float32Array(x.data.length);
  const tuned = () => softmaxRows(x.data, x.shape[0]!, tokens, y);
  const expected = tuned().slice();
  return {
    title: `softmax ${numHeads} · ${tokens} x ${tokens}`,
    expected,
    // The sum of all, two exponentials of 2 ULP, the quotient.
    bound: (tokens + 8) * ROUNDOFF * largestOf(expected),
    tuned,
    reference: () => softmax(x, { backend: 'js' }),
    native: async (backend) => [{ name: '', run: () => softmax(x, { backend }) }],
  };
}

function rmsNormSubject({ tokens, dModel }: Size): Subject {
  const epsilon = 1e-6;
  const x = { data: randomArray(tokens * dModel, 4), shape: [tokens, dModel] };
  const weight = { data: randomArray(dModel, 5, 0.1, 1), shape: [dModel] };
  const y = new Float32Array(x.data.length);
  const tuned = () => rmsNormRows(x.data, weight.data, epsilon, y);
  const expected = tuned().slice();
  return {
    title: `rmsNorm ${tokens} x ${dModel}`,
    expected,
    bound: (dModel / 2 + 6) * ROUNDOFF * largestOf(expected),
    tuned,
    reference: () => rmsNorm(x, weight, { epsilon, backend: 'js' }),
    native: async (backend) => [{ name: '', run: () => rmsNorm(x, weight, { epsilon, backend }) }],
  };
}

function attentionSubject({ tokens, dModel, numHeads }: Size): Subject {
  const headDim = dModel / numHeads;
  const scale = headDim ** -0.5;
  const random = (seed: number) => ({ data: randomArray(tokens * dModel, seed), shape: [1, tokens, dModel] });
  const [query, key, value] = [random(6), random(7), random(8)];
  const columns = ({ data }: FloatTensor) => ({ data, stride: dModel, column: 0 });
  const heads = { numHeads, headDim, scale };
  const tuned = () => baseline.attention(columns(query), tokens, columns(key), columns(value), tokens, heads);
  // An error of a score is a relative error of its weight, above and below the quotient.
  const scores = (headDim + 2) * ROUNDOFF * headDim * scale * largestOf(query.data) * largestOf(key.data);
  return {
    title: `attention ${tokens} tokens, ${numHeads} heads of ${headDim}`,
    expected: tuned(),
    bound: (2 * scores + (2 * tokens + 10) * ROUNDOFF) * largestOf(value.data),
    tuned,
    reference: () => attention(query, key, value, { numHeads, backend: 'js' }),
    native: async (backend) => [{ name: '', run: () => attention(query, key, value, { numHeads, backend }) }],
  };
}

function largestOf(numbers: Float32Array): number {
  return numbers.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
}
