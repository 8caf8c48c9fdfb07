import { readFileSync, writeFileSync } from 'node:fs';
import { HyenaModel, type MergingOptions } from 'tidemerge/models';
import { randomLetters } from '../random-hyena.js';
import { residentMiB } from '../resident.js';

/*
 * What a model takes of a fresh process: by loading, what stays after a pass (filters, spectra, working memory), and the
 * most that another pass adds to that. Directory, tokens, merging as JSON. Prints one line of JSON.
 */

type Merging = MergingOptions | false;

const [directory, tokens, merging] = process.argv.slice(2) as [string, string, string];
const start = residentMiB();
const model = await HyenaModel.load(directory, { threads: 1 });
const inputIds = randomLetters(Number(tokens));
const inputs = { inputIds, head: 'none', lastHiddenState: true, merging: JSON.parse(merging) as Merging } as const;
const loaded = residentMiB() - start;
await model.forward(inputs);
const before = residentMiB();
const forget = forgetPeak();
await model.forward(inputs);
const pass = forget ? peakMiB() - before : undefined;
model.dispose();
console.log(JSON.stringify({ loaded, kept: before - start - loaded, pass }));

/** Where the system lets a process do that: the most memory it has had counts from now on. */
function forgetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

function peakMiB(): number {
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}
