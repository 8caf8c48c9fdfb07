import { readFileSync, writeFileSync } from 'node:fs';
import { residentMiB } from '../resident.js';
import { type Merging, SUBJECTS } from '../ssm-subjects.js';

/*
 * What a model takes of a fresh process: by loading; on top of that after two passes (filters, spectra, working memory) and
 * at most during them. Name, directory, tokens, merging as JSON. Prints one line of JSON.
 */

const [name, directory, tokens, merging] = process.argv.slice(2) as [keyof typeof SUBJECTS, string, string, string];
const how = JSON.parse(merging) as Merging;
const start = residentMiB();
const model = await SUBJECTS[name].load(directory, Number(tokens), 1);
const before = residentMiB();
const forgotten = forgetPeak();
for (let pass = 0; pass < 2; pass++) await model.run(how);
const peak = forgotten ? peakMiB() - before : undefined;
const kept = residentMiB() - before;
model.dispose();
console.log(JSON.stringify({ loaded: before - start, kept, peak }));

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
