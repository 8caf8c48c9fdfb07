import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/*
 * The contender's side of the line protocol of interleave.ts. Standard output carries only these lines:
 *
 *   READY {info}            after loading          ABSENT why        cannot be measured here
 *   TIMES {ms: [...], cpu}  answers RUN name n     WROTE             answers OUT name file
 */

export interface Contender {
  /** What loaded: versions and the like. */
  readonly info: Readonly<Record<string, string | number>>;
  /** What can be timed. */
  readonly workloads: Readonly<Record<string, () => unknown>>;
  /** What can be compared: float32 numbers, written to a file as they are in memory. */
  readonly outputs: Readonly<Record<string, () => Promise<Float32Array> | Float32Array>>;
}

/** Loads a contender and answers until standard input ends. Whatever `load` throws makes it absent. */
export async function serve(load: () => Promise<Contender>): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  let contender: Contender;
  try {
    contender = await load();
  } catch (error) {
    say(`ABSENT ${String((error as Error).message).split('\n')[0]}`);
    return;
  }
  const { info, workloads, outputs } = contender;
  say(`READY ${JSON.stringify({ ...info, workloads: Object.keys(workloads), outputs: Object.keys(outputs) })}`);
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, name = '', argument = ''] = line.split('\t');
    if (command === 'RUN') say(`TIMES ${JSON.stringify(await time(workloads[name]!, Number(argument)))}`);
    if (command === 'OUT') {
      const { buffer, byteOffset, byteLength } = await outputs[name]!();
      writeFileSync(argument, new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
      say('WROTE');
    }
  }
  process.exit(0);
}

/** Milliseconds of every run, and seconds of processor time of all threads for all of them. */
async function time(run: () => unknown, count: number): Promise<{ ms: number[]; cpu: number }> {
  const before = process.cpuUsage();
  const ms: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await run();
    ms.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  return { ms, cpu: (user + system) / 1e6 };
}
