import { Forecaster } from 'tidemerge';
import { randomSeries } from '../numbers.js';
import { residentMiB } from '../resident.js';

/*
 * What loading and using one model adds to a fresh process: directory, dtype. Prints one line of JSON.
 */

const [directory, dtype] = process.argv.slice(2) as [string, 'float32' | 'bfloat16'];
const before = residentMiB();
const forecaster = await Forecaster.fromPretrained(directory, { dtype });
const loaded = residentMiB() - before;
await forecaster.predict(randomSeries(512), { predictionLength: 4 });
const used = residentMiB() - before;
await forecaster.dispose();
console.log(JSON.stringify({ loaded, used, left: residentMiB() - before }));
