import { ChronosT5Model } from 'tidemerge/models';
import { inTurns } from './in-turns.js';
import { type Backend, createBackend, encoderFlops, matrix, ProgramBuilder, recordMergeTokens } from './internals.js';
import { randomArray } from './numbers.js';
import { SHAPES, type Size, type T5Shape, writeChronosT5 } from './random-model.js';
import { type Options, Report, type Row } from './report.js';
import { temporaryFolder } from './workspace.js';

/*
 * What token merging makes of the time of a Chronos-T5 encoder, against what its operations promise: the goals are a
 * speed-up of 2.6 and 85 % of the promise for the base shape.
 */

const TOKENS = 513;
const R = 64;
const MIN_TOKENS = 16;
const NEIGHBOURHOODS = ['global', 1] as const;
type Neighbourhood = (typeof NEIGHBOURHOODS)[number];

interface MergedEncoderOptions extends Options {
  /** Shape of the model; base by default, tiny with --quick. */
  readonly size?: string | undefined;
  readonly rounds?: string | undefined;
}

export async function run(options: MergedEncoderOptions): Promise<void> {
  const report = await Report.start('merged-encoder', options);
  const size = (options.size ?? (options.quick ? 'tiny' : 'base')) as Size;
  if (!(size in SHAPES)) throw new Error(`--size: expected one of ${Object.keys(SHAPES).join(', ')}, got ${size}`);
  const turns = { rounds: Number(options.rounds ?? (options.quick ? 5 : 9)), turn: options.quick ? 200 : 1000 };
  const directory = writeChronosT5(temporaryFolder(), size, TOKENS - 1);
  const rows: Row[] = [];
  for (const threads of [1, 2]) {
    const model = await ChronosT5Model.load(directory, { threads });
    const backend = await createBackend({ threads });
    for (const k of NEIGHBOURHOODS) rows.push(await measure(model, backend, SHAPES[size], k, turns));
    backend.dispose();
    model.dispose();
  }
  report.table(
    `encoder of the Chronos-T5-${size} shape, ${TOKENS} tokens, r ${R}, at least ${MIN_TOKENS} remain`,
    rows,
  );
  report.finish();
}

async function measure(
  model: ChronosT5Model,
  backend: Backend,
  shape: T5Shape,
  k: Neighbourhood,
  turns: Parameters<typeof inTurns>[2],
): Promise<Row> {
  const ids = Int32Array.from({ length: TOKENS }, (_, i) => 2 + ((i * 7919) % 4000));
  const inputs = { inputIds: { data: ids, shape: [1, TOKENS] } };
  const merging = { r: R, minTokens: MIN_TOKENS, k };
  const merged = () => model.encode(inputs, { merging });
  const { a, b, ratio, cpuRatio } = await inTurns(() => model.encode(inputs), merged, turns);
  const { counts, run: merges } = await mergesAlone(backend, shape, k);
  const alone = await inTurns(merged, merges, turns);
  const t5 = { ...shape, gated: false };
  const unmerged = encoderFlops(
    counts.map(() => TOKENS),
    t5,
    undefined,
  );
  const promised = unmerged / encoderFlops(counts, t5, { k: k === 'global' ? 0 : k });
  return {
    threads: String(backend.threads),
    k: String(k),
    'unmerged ms': a,
    'merged ms': b,
    'speed-up': ratio.median,
    quartiles: `${ratio.low.toFixed(2)} - ${ratio.high.toFixed(2)}`,
    'of processor time': cpuRatio,
    'promised by FLOPs': promised,
    'reached %': (100 * ratio.median) / promised,
    'merging %': 100 / alone.ratio.median,
    tokens: counts.join('>'),
  };
}

/** The merges of all layers, one after the other, with nothing between them; and the tokens each leaves. */
async function mergesAlone(backend: Backend, { dModel, numLayers }: T5Shape, k: Neighbourhood) {
  const builder = new ProgramBuilder();
  const rule = { rule: 'r', amount: R, k: k === 'global' ? 0 : k, minTokens: MIN_TOKENS, keep: 'similar' } as const;
  let x = builder.input('x', 'float32', dModel);
  let offsets = builder.input('offsets', 'int32', 1);
  let sizes: typeof x | undefined;
  for (let i = 0; i < numLayers; i++) {
    const merged = recordMergeTokens({ x, offsets, sizes }, rule);
    ({ tokens: x, offsets, sizes } = merged);
    builder.output(`offsets.${i}`, offsets);
  }
  builder.output('tokens', x);
  const { description, weights } = builder.build();
  const session = backend.createProgram(description, weights).createSession();
  const inputs = {
    x: matrix(randomArray(TOKENS * dModel, 1), dModel),
    offsets: matrix(Int32Array.of(0, TOKENS)),
  };
  const run = () => session.run(inputs);
  const outputs = await run();
  const counts = Array.from({ length: numLayers }, (_, i) => Number(outputs[`offsets.${i}`]!.data[1]));
  return { counts: [TOKENS, ...counts], run };
}
