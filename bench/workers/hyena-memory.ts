import { HyenaModel, type MergingOptions } from 'tidemerge/models';
import { randomLetters } from '../random-hyena.js';
import { residentMiB } from '../resident.js';

/*
 * What loading a model and the first pass over a sequence add at most to the memory of a fresh process, the filters
 * included: directory, tokens, merging as JSON. Prints one line of JSON.
 */

const [directory, tokens, merging] = process.argv.slice(2) as [string, string, string];
const start = residentMiB();
const model = await HyenaModel.load(directory, { threads: 1 });
const inputs = { head: 'none', lastHiddenState: true, merging: JSON.parse(merging) as MergingOptions | false } as const;
const loaded = residentMiB() - start;
await model.forward({ ...inputs, inputIds: randomLetters(Number(tokens)) });
const peak = process.resourceUsage().maxRSS / 1024 - start - loaded;
model.dispose();
console.log(JSON.stringify({ loaded, peak }));
