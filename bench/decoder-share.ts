import { Forecaster } from 'tidemerge';
import { cachedAttention, createBackend, matrix, ProgramBuilder } from './internals.js';
import { quantile, randomArray, randomSeries } from './numbers.js';
import { SHAPES, type Size, writeChronosT5 } from './random-model.js';
import { type Options, Report } from './report.js';
import { temporaryFolder } from './workspace.js';

/*
 * How much of a Chronos-T5 forecast is attention over the decoder's own past: the most that merging tokens there could
 * save. The same operator with the same rows, heads and steps is run alone, in turns with the whole forecast; FLOPs are
 * counted beside it.
 */

const CONTEXT = 512;
const STEPS = 64;
const SAMPLES = 20;

export async function run(options: Options): Promise<void> {
  const report = await Report.start('decoder-share', options);
  const rounds = options.quick ? 2 : 5;
  for (const size of options.quick ? (['tiny'] as const) : (['tiny', 'small', 'base'] as const)) {
    const rows = [];
    for (const threads of [1, 2]) rows.push({ threads, ...(await measure(size, threads, rounds)) });
    report.table(`attention over the own past, Chronos-T5-${size}, ${STEPS} steps, ${SAMPLES} samples`, rows);
  }
  report.finish();
}

async function measure(size: Size, threads: number, rounds: number) {
  const forecaster = await Forecaster.fromPretrained(writeChronosT5(temporaryFolder(), size), { threads });
  const series = randomSeries(CONTEXT);
  const past = await pastAttention(size, threads);
  const times: [whole: number, part: number][] = [];
  for (let i = 0; i <= rounds; i++) {
    const start = performance.now();
    await forecaster.predict(series, { predictionLength: STEPS, numSamples: SAMPLES });
    const middle = performance.now();
    await past.run();
    times.push([middle - start, performance.now() - middle]);
  }
  await forecaster.dispose();
  past.dispose();
  const measured = times.slice(1); // the first one records programs and fills caches
  const median = (of: (pair: [number, number]) => number) => quantile(measured.map(of), 0.5);
  return {
    'forecast, ms': median(([whole]) => whole),
    'attention, ms': median(([, part]) => part),
    'share of the time': median(([whole, part]) => part / whole),
    'share of the FLOPs': flopShare(size),
  };
}

/** The operator in all layers and steps, and nothing else. */
async function pastAttention(size: Size, threads: number) {
  const { numHeads, headDim, numLayers } = SHAPES[size];
  const inner = numHeads * headDim;
  const backend = await createBackend({ threads });
  const builder = new ProgramBuilder();
  const tensor = builder.input('qkv', 'float32', 3 * inner);
  const capacity = builder.input('steps', 'int32', 1);
  const table = { name: 'bias', kind: 'vector', dtype: 'float32', shape: [numHeads, 257] } as const;
  const distanceBias = builder.weight(
    await backend.createWeight({ ...table, data: randomArray(numHeads * 257, 1, 1) }),
  );
  const first = builder.input('first', 'float32', inner);
  const [last] = builder.repeat(capacity, [first], (step) => {
    let out = first;
    for (let i = 0; i < numLayers; i++) {
      const states = {
        keyState: builder.state(`${i}.keys`, 'float32'),
        valueState: builder.state(`${i}.values`, 'float32'),
      };
      const inputs = { query: tensor, key: { tensor, column: inner }, value: { tensor, column: 2 * inner }, ...states };
      out = cachedAttention({ ...inputs, step, capacity, distanceBias }, { numHeads, headDim, scale: 1 });
    }
    return [out];
  });
  builder.output('out', last);
  const { description, weights } = builder.build();
  const program = backend.createProgram(description, weights);
  const session = program.createSession();
  const inputs = {
    qkv: matrix(randomArray(SAMPLES * 3 * inner, 2, 1), 3 * inner),
    first: matrix(new Float32Array(SAMPLES * inner), inner),
    steps: matrix(Int32Array.of(STEPS)),
  };
  return {
    run: () => session.run(inputs),
    dispose: () => {
      session.dispose();
      program.dispose();
      backend.dispose();
    },
  };
}

/** Multiplications of one forecast, without norms, softmax and sampling. */
function flopShare(size: Size): number {
  const { dModel, dFf, numHeads, headDim, numLayers } = SHAPES[size];
  const inner = numHeads * headDim;
  const tokens = CONTEXT + 1;
  const feedForward = 2 * dModel * dFf;
  const encoder = tokens * (4 * dModel * inner + feedForward + 2 * tokens * inner);
  const memories = tokens * 2 * dModel * inner;
  const paths = SAMPLES * STEPS;
  const past = SAMPLES * inner * STEPS * (STEPS + 1); // 2 · inner for each earlier place
  const decoder = paths * (6 * dModel * inner + feedForward + 2 * tokens * inner) + past;
  const head = paths * dModel * 4096;
  return (numLayers * past) / (numLayers * (encoder + memories + decoder) + head);
}
