import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { embeddedModels, Forecaster } from 'tidemerge';
import { ChronosT5Model } from 'tidemerge/models';
import { BoltBaseline } from './baselines/bolt.js';
import { T5Encoder } from './baselines/t5.js';
import { BaselineWeights } from './baselines/weights.js';
import { type Candidate, compare, expectClose } from './compare.js';
import { difference, networkBound, PRODUCTS_A_LAYER, randomSeries } from './numbers.js';
import { SHAPES, type Size, writeChronosT5 } from './random-model.js';
import { type Options, Report, type Row } from './report.js';
import { temporaryFolder } from './workspace.js';

/*
 * Whole models through the published entry points: native with one and two threads, tuned JavaScript, and where it takes
 * no minutes the reference backend.
 */

const CONTEXT = 512;

export async function run(options: Options): Promise<void> {
  const report = await Report.start('models', options);
  await boltForecast(report);
  await encoder(report, 'tiny', 65, { reference: !options.quick });
  if (!options.quick) await encoder(report, 'small', 513, { reference: false });
  report.finish();
}

/** The embedded model forecasts one series, from values to quantiles in the series' units. */
async function boltForecast(report: Report): Promise<void> {
  const name = embeddedModels()[0]!;
  const directory = join(dirname(createRequire(import.meta.url).resolve('tidemerge/package.json')), 'models', name);
  const series = randomSeries(CONTEXT);
  const weights = new BaselineWeights(directory);
  const baseline = new BoltBaseline(weights);
  weights.close();
  const expected = baseline.forecast(series);
  const unit = Math.max(...expected.map(Math.abs));
  const forecasters = await Promise.all(
    ([{ threads: 1 }, { threads: 2 }, { backend: 'js' }] as const).map((options) =>
      Forecaster.fromPretrained(directory, options),
    ),
  );
  const candidates: Candidate[] = [];
  const facts = new Map<string, Row>();
  const { d_ff, num_layers, num_decoder_layers } = weights.config;
  const bound = networkBound(PRODUCTS_A_LAYER * (num_layers + 2 * num_decoder_layers), d_ff);
  for (const forecaster of forecasters) {
    const { name: backend, threads } = forecaster.backend;
    const run = () => forecaster.predict(series);
    const error = difference((await run()).data, expected).largest / unit;
    const label = backend === 'js' ? "backend 'js'" : `native, ${threads} thread${threads > 1 ? 's' : ''}`;
    expectClose(`${name}: ${label}`, error, bound);
    facts.set(label, { 'relative error': error, 'allowed error': bound });
    candidates.push({ name: label, run });
  }
  candidates.push({ name: 'tuned JavaScript', run: () => baseline.forecast(series) });
  await compare(report, `forecast of ${name}, ${CONTEXT} values, 64 steps`, candidates, facts);
  await Promise.all(forecasters.map((forecaster) => forecaster.dispose()));
}

/** Token ids to states of a Chronos-T5 encoder with random weights. */
async function encoder(report: Report, size: Size, tokens: number, { reference }: { reference: boolean }) {
  const directory = writeChronosT5(temporaryFolder(), size);
  const { dModel, dFf, numLayers } = SHAPES[size];
  const ids = Int32Array.from({ length: tokens }, (_, i) => 2 + ((i * 7919) % 4000));
  const weights = new BaselineWeights(directory);
  const table = weights.vector('shared.weight');
  const baseline = new T5Encoder(weights);
  weights.close();
  const embed = () => {
    const x = new Float32Array(tokens * dModel);
    for (const [i, id] of ids.entries()) x.set(table.subarray(id * dModel, (id + 1) * dModel), i * dModel);
    return x;
  };
  const tuned = () => baseline.encode(embed());
  const expected = tuned();
  const backends = [{ threads: 1 }, { threads: 2 }, ...(reference ? [{ backend: 'js' } as const] : [])];
  const models = await Promise.all(backends.map((options) => ChronosT5Model.load(directory, options)));
  const candidates: Candidate[] = [];
  const facts = new Map<string, Row>();
  const bound = networkBound(PRODUCTS_A_LAYER * numLayers, dFf);
  for (const model of models) {
    const { name: backend, threads } = model.backend;
    const run = () => model.encode({ inputIds: { data: ids, shape: [1, tokens] } });
    const error = difference((await run()).data, expected).relative;
    const label = backend === 'js' ? "backend 'js'" : `native, ${threads} thread${threads > 1 ? 's' : ''}`;
    expectClose(`encoder ${size}: ${label}`, error, bound);
    facts.set(label, { 'relative error': error, 'allowed error': bound });
    candidates.push({ name: label, run });
  }
  candidates.push({ name: 'tuned JavaScript', run: tuned });
  await compare(report, `Chronos-T5-${size} encoder, ${tokens} tokens`, candidates, facts);
  for (const model of models) model.dispose();
}
