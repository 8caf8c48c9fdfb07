import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Resident memory of this process in MiB, garbage aside. */
export function residentMiB(): number {
  collect();
  return process.memoryUsage.rss() / 2 ** 20;
}
