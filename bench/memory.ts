import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embeddedModels, Forecaster } from 'tidemerge';
import { randomSeries } from './numbers.js';
import { writeChronosT5 } from './random-model.js';
import { type Options, Report, type Row } from './report.js';
import { residentMiB } from './resident.js';
import { temporaryFolder } from './workspace.js';

/*
 * Resident memory: what a loaded model takes for each byte of its weights, and whether ten thousand small calls take
 * more than the first thousand did.
 */

export async function run(options: Options): Promise<void> {
  const report = await Report.start('memory', options);
  const calls = options.quick ? 2_000 : 10_000;
  report.table(`${calls} small calls`, await smallCalls(calls));
  const size = options.quick ? 'tiny' : 'small';
  const directory = writeChronosT5(temporaryFolder(), size);
  const rows = (['float32', 'bfloat16'] as const).map((dtype) => loading(directory, dtype));
  report.table(`loading Chronos-T5-${size}`, rows);
  report.finish();
}

/** RSS after every tenth of the calls. The first tenth fills caches and compiles. */
async function smallCalls(calls: number): Promise<Row[]> {
  const forecaster = await Forecaster.fromPretrained(embeddedModels()[0]!);
  const series = randomSeries(64);
  const resident: number[] = [];
  for (let done = 1; done <= calls; done++) {
    await forecaster.predict(series, { predictionLength: 8 });
    if (done % (calls / 10) === 0) resident.push(residentMiB());
  }
  await forecaster.dispose();
  return resident.map((rss, i) => ({
    calls: ((i + 1) * calls) / 10,
    'RSS MiB': rss,
    'since the first tenth': rss - resident[0]!,
  }));
}

/** In a process of its own, which has nothing else to collect. */
function loading(directory: string, dtype: 'float32' | 'bfloat16'): Row {
  const file = statSync(join(directory, 'model.safetensors')).size / 2 ** 20;
  const weights = dtype === 'bfloat16' ? file / 2 : file;
  const worker = fileURLToPath(new URL('workers/load-memory.js', import.meta.url));
  const { loaded, used, left } = JSON.parse(
    execFileSync(process.execPath, [worker, directory, dtype], { encoding: 'utf8' }),
  ) as Record<'loaded' | 'used' | 'left', number>;
  return {
    dtype,
    'weights MiB': weights,
    'added by loading': loaded,
    'per MiB of weights': loaded / weights,
    'added after a forecast': used,
    'left after dispose': left,
  };
}
