import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectClose } from './compare.js';
import { type Command, Peer } from './interleave.js';
import { difference, networkBound } from './numbers.js';
import { MAMBA_130M, type MambaSizes, randomIds, writeMamba } from './random-mamba.js';
import { type Options, Report, type Row } from './report.js';
import { compared, type Round, takeRounds } from './rounds.js';
import { temporaryFolder } from './workspace.js';

/*
 * A Mamba language model of the 130M shape: passes over 512 to 16384 tokens with the head on the last one, and tokens one
 * by one, against Hugging Face's class on the CPU and llama.cpp, with the same weights and tokens.
 */

const OURS = 'tidemerge float32';
const CONTENDERS = [OURS, 'tidemerge bfloat16', 'transformers float32', 'llama.cpp float32'] as const;
const STREAM = 'one token';
/** Of a turn of single tokens. */
const STEPS = 32;
/** From so many tokens on a pass takes seconds: none is spent on warming up. */
const LONG = 4096;
/** Here one of another runtime takes minutes. */
const MINUTES = 16_384;
const QUICK: MambaSizes = { vocabulary: 4096, hiddenSize: 256, numLayers: 4 };
/** Matrix products in a block: into the mixer, steps, B and C, out of steps, the scan's with C, out of the mixer. */
const PRODUCTS = 5;

/** What every contender reads from inputs.json in the model's folder. */
export interface MambaInputs {
  readonly ids: readonly number[];
  /** Passes over so many of them. */
  readonly lengths: readonly number[];
  /** A stream begins behind so many of them; its result is that behind `steps` more. */
  readonly prompt: number;
  readonly steps: number;
}

interface MambaOptions extends Options {
  /** One pass of others at 16384 tokens, with two threads. */
  readonly full?: boolean;
  /** 1 or 2; both if absent. */
  readonly threads?: string | undefined;
  /** Only contenders with this text in their names, beside tidemerge. */
  readonly only?: string | undefined;
  /** At most so many rounds. */
  readonly rounds?: string | undefined;
  /** Seconds for the rounds of a length; one is always run. */
  readonly wait?: string | undefined;
}

export async function run(options: MambaOptions): Promise<void> {
  const threads = options.threads === undefined ? [1, 2] : [Number(options.threads)];
  if (!threads.every((count) => count === 1 || count === 2)) {
    throw new Error(`--threads: expected 1 or 2, got ${options.threads}`);
  }
  const report = await Report.start('mamba', options);
  const sizes = options.quick ? QUICK : MAMBA_130M;
  const directory = writeMamba(temporaryFolder(), sizes);
  const lengths = options.quick ? [64, 512] : [512, 4096, 16_384];
  const ids = [...randomIds(Math.max(...lengths), sizes.vocabulary).data];
  const inputs: MambaInputs = { ids, lengths, prompt: 64, steps: 8 };
  writeFileSync(join(directory, 'inputs.json'), JSON.stringify(inputs));
  const { hiddenSize, numLayers, vocabulary } = sizes;
  report.say(
    `Mamba, ${numLayers} layers, width ${hiddenSize}, ${vocabulary} ids, random weights, head on the last token`,
  );
  for (const count of threads) await runThreads(report, { directory, sizes, lengths, threads: count }, options);
  report.finish();
}

interface Subject {
  readonly directory: string;
  readonly sizes: MambaSizes;
  readonly lengths: readonly number[];
  readonly threads: number;
}

async function runThreads(report: Report, subject: Subject, options: MambaOptions): Promise<void> {
  const { only } = options;
  const names = CONTENDERS.filter((name) => name.startsWith('tidemerge') || !only || name.includes(only));
  const peers: Peer[] = [];
  try {
    for (const name of names) {
      const peer = await Peer.start(name, commandOf(name, subject));
      if (peer.absent) report.say(`\n!! ${name}: not measured here: ${peer.absent}`);
      else peers.push(peer);
    }
    if (peers[0]?.name !== OURS) throw new Error(`${OURS} cannot be measured here`);
    const label = `${subject.threads} thread${subject.threads > 1 ? 's' : ''}`;
    report.table(`contenders, ${label}`, peers.map(describe));
    const field = { report, peers, subject, options };
    report.table(`a stream, token by token, ${label}`, await measure(field, STREAM, 1));
    for (const length of subject.lengths) {
      report.table(`a pass over ${length} tokens, ${label}`, await measure(field, `${length} tokens`, length));
    }
  } finally {
    for (const peer of peers) peer.close();
  }
}

function describe({ name, info: { workloads: _, outputs: __, ...info } }: Peer): Row {
  return { name, version: Object.values(info).join(', ') };
}

/** Contenders of a suite; those that end or are absent leave it. */
interface Field {
  readonly report: Report;
  readonly peers: Peer[];
  readonly subject: Subject;
  readonly options: MambaOptions;
}

/** One length, or single tokens: times, then the results of the runs that were timed. */
async function measure(field: Field, workload: string, tokens: number): Promise<Row[]> {
  const { peers, subject, options } = field;
  const own = peers[0]!;
  const ready = entrants(field, workload, tokens);
  const turns = {
    most: Number(options.rounds ?? (options.quick ? 2 : 7)),
    seconds: Number(options.wait ?? (options.quick ? 5 : 15)),
    repetitions: workload === STREAM ? STEPS : 1,
    onLost: (peer: Peer, error: unknown) => leave(field, peer, error),
  };
  if (tokens < LONG) await takeRounds(ready, workload, { ...turns, most: 1, repetitions: 1 });
  const left = () => ready.filter((peer) => peers.includes(peer));
  const rounds = await takeRounds(left(), workload, turns);
  const expected = await own.output(workload, fileOf(subject));
  const errors = new Map([[own, 0]]);
  for (const peer of left()) if (peer !== own) await check(field, peer, workload, expected, errors);
  return left().map((peer) => ({
    ...{ workload, contender: peer.name },
    ...timesOf(rounds, peer, own, tokens),
    ...{ 'relative error': errors.get(peer)!, allowed: boundOf(peer.name, subject.sizes) },
  }));
}

function timesOf(rounds: readonly Round[], peer: Peer, own: Peer, tokens: number): Row {
  const { best, median, ratio, cpuRatio, others, count } = compared(rounds, peer, own);
  return {
    ...{ 'best ms': best, 'median ms': median, 'tokens/s': (1e3 * tokens) / median, 'over ours': ratio.median },
    quartiles: count > 1 ? `${ratio.low.toFixed(2)} - ${ratio.high.toFixed(2)}` : 'one round',
    ...{ 'processor time': cpuRatio, rounds: String(count), others: `${(100 * others).toFixed(0)} %` },
  };
}

function entrants({ report, peers, subject, options }: Field, workload: string, tokens: number): Peer[] {
  return peers.filter((peer) => {
    const spared = tokens >= MINUTES && !peer.name.startsWith('tidemerge') && !(options.full && subject.threads === 2);
    if (!peer.can(workload)) report.say(`\n!! ${peer.name}, ${workload}: it cannot`);
    else if (spared) report.say(`\n!! ${peer.name}, ${workload}: not run, it takes minutes (--full: with 2 threads)`);
    else return true;
    return false;
  });
}

/** A result of a contender against ours in float32. A wrong one ends the suite, one that ends leaves it. */
async function check(
  field: Field,
  peer: Peer,
  workload: string,
  expected: Float32Array,
  errors: Map<Peer, number>,
): Promise<void> {
  let result: Float32Array;
  try {
    result = await peer.output(workload, fileOf(field.subject));
  } catch (error) {
    leave(field, peer, error);
    return;
  }
  const { relative } = difference(result, expected);
  expectClose(`${peer.name}, ${workload}`, relative, boundOf(peer.name, field.subject.sizes));
  errors.set(peer, relative);
}

function leave({ report, peers }: Field, peer: Peer, error: unknown): void {
  if (peer === peers[0]) throw error;
  report.say(`\n!! ${peer.name}: left out from here on: ${(error as Error).message} (BENCH_DEBUG=1 shows why)`);
  peers.splice(peers.indexOf(peer), 1);
}

/** Roundings of weights to bfloat16 are single and have random signs; there an operand of every product is rounded too. */
function boundOf(name: string, { numLayers, hiddenSize }: MambaSizes): number {
  const products = PRODUCTS * numLayers + 1;
  return name.includes('bfloat16') ? Math.sqrt(2 * products) * 2 ** -9 : networkBound(products, 2 * hiddenSize);
}

const fileOf = ({ directory }: Subject) => join(directory, 'output.f32');

function commandOf(name: string, { directory, threads }: Subject): Command {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const [library, dtype = 'float32'] = name.split(' ') as [string, string?];
  if (library === 'transformers') {
    const args = ['-W', 'ignore', here('../bench/peers/torch_mamba.py'), directory, dtype, String(threads)];
    return { program: process.env.PYTHON ?? 'python3', args };
  }
  const script = library === 'tidemerge' ? 'workers/mamba.js' : '../bench/peers/llama_mamba.mjs';
  return { program: process.execPath, args: [here(script), directory, dtype, String(threads)] };
}
