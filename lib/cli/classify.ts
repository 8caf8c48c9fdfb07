import type { Command } from 'commander';
import { TidemergeError } from '../errors.js';
import { csvCell, type Sample, type SampleSet } from '../io/index.js';
import { quoteList } from '../io/quote.js';
import { shortestFloat32 } from '../io/table-writer.js';
import { Classifier } from '../tasks/classifier.js';
import { EXIT } from './exit-codes.js';
import { integer } from './options.js';
import { ProgressBar } from './progress.js';
import {
  addNetworkOptions,
  checkVariables,
  loadOptions,
  type NetworkCommandOptions,
  readInput,
} from './sample-input.js';
import { isFile, writeLines } from './write-lines.js';

interface ClassifyCommandOptions extends NetworkCommandOptions {
  readonly topK: number;
  readonly output?: string;
  readonly json?: boolean;
}

/** Samples handed to the model at a time: progress is told and results are written after each share. */
const SHARE = 64;

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Adds `classify` to the program. */
export function defineClassify(program: Command, signal: AbortSignal): void {
  const command = program
    .command('classify')
    .description('name the class of every sample of a file; data goes to stdout, everything else to stderr')
    .argument(
      '<file>',
      'samples: .ts, .arff, .npy, or a table as one sample, plain or gzipped; - reads standard input',
    );
  addNetworkOptions(command)
    .option('-k, --top-k <count>', 'classes given for every sample, best first', integer(1), 1)
    .option('-o, --output <file>', 'write to a file')
    .option('--json', 'a JSON object per sample and line instead of CSV, and a summary in the last line')
    .action(async (file: string, options: ClassifyCommandOptions) => {
      process.exitCode = await classify(file, options, signal);
    });
}

/** Runs `tidemerge classify` and returns the process's exit code. */
export async function classify(path: string, options: ClassifyCommandOptions, signal: AbortSignal): Promise<number> {
  const set = await readInput(path, options.inputFormat);
  const classifier = await Classifier.fromPretrained(options.model, loadOptions(options, signal));
  try {
    checkVariables(path, set, classifier.numVariables);
    const run = new Run(set, classifier, options, signal);
    await writeLines(run.lines(), options.output);
    return run.report();
  } finally {
    await classifier.dispose();
  }
}

/** The classes of one sample, best first. */
interface Answer {
  readonly labels: readonly string[];
  readonly scores: Float64Array;
}

class Run {
  readonly #set: SampleSet;
  readonly #classifier: Classifier;
  readonly #options: ClassifyCommandOptions;
  readonly #signal: AbortSignal;
  readonly #topK: number;
  /** Whether the file tells the classes and the model has some of them. */
  readonly #known: boolean;
  #failed = 0;
  #right = 0;

  constructor(set: SampleSet, classifier: Classifier, options: ClassifyCommandOptions, signal: AbortSignal) {
    this.#set = set;
    this.#classifier = classifier;
    this.#options = options;
    this.#signal = signal;
    this.#topK = Math.min(options.topK, classifier.labels.length);
    const classes = [...new Set(set.labels)];
    const strange = classes.filter((name) => !classifier.labels.includes(name));
    this.#known = classes.length > strange.length;
    if (strange.length > 0) {
      const so = this.#known ? 'count as wrong' : 'so there is no accuracy';
      const [theirs, ours] = [quoteList(strange, 8), quoteList(classifier.labels, 8)];
      say(`warning: classes of the file that the model does not have, ${so}: ${theirs}; it has ${ours}`);
    }
  }

  async *lines(): AsyncGenerator<string> {
    const { samples } = this.#set;
    const bar = new ProgressBar('classifying');
    if (!this.#options.json) yield this.#header();
    try {
      for (let begin = 0; begin < samples.length; begin += SHARE) {
        const answers = await this.#answers(samples.slice(begin, begin + SHARE));
        for (const [i, answer] of answers.entries()) {
          if (answer instanceof Error) bar.clear();
          const line = this.#line(begin + i, answer);
          if (line !== undefined) yield line;
        }
        bar.update(begin + answers.length, samples.length);
      }
    } finally {
      bar.clear();
    }
    if (this.#options.json) yield JSON.stringify({ summary: this.#summary() });
  }

  /** What is wrong with one sample is no reason to fail the others of its share. */
  async #answers(samples: readonly Sample[]): Promise<(Answer | TidemergeError)[]> {
    try {
      const { labels, scores } = await this.#classifier.classify(samples, { topK: this.#topK, signal: this.#signal });
      return labels.map((names, i) => ({ labels: names, scores: scores[i]! }));
    } catch (error) {
      if (!isSampleError(error)) throw error;
      if (samples.length === 1) return [error];
    }
    const answers: (Answer | TidemergeError)[] = [];
    for (const sample of samples) answers.push(...(await this.#answers([sample])));
    return answers;
  }

  #header(): string {
    const columns = ['sample', 'label', 'score'];
    for (let rank = 2; rank <= this.#topK; rank++) columns.push(`label_${rank}`, `score_${rank}`);
    return [...columns, ...(this.#set.labels.length > 0 ? ['true_label'] : [])].join(',');
  }

  #line(sample: number, answer: Answer | TidemergeError): string | undefined {
    if (answer instanceof TidemergeError) {
      this.#failed++;
      say(`sample ${sample} failed: ${answer.message.replace(/^inputs\[0\]: /, '')}`);
      return undefined;
    }
    const truth = this.#set.labels[sample];
    if (truth === answer.labels[0]) this.#right++;
    const scores = Array.from(answer.scores, (score) => shortestFloat32(Math.fround(score)));
    if (this.#options.json) {
      const { labels } = answer;
      return JSON.stringify({
        sample,
        labels,
        scores: scores.map(Number),
        ...(truth !== undefined && { true_label: truth }),
      });
    }
    const cells = answer.labels.flatMap((label, rank) => [csvCell(label), scores[rank]!]);
    return [sample, ...cells, ...(truth === undefined ? [] : [csvCell(truth)])].join(',');
  }

  #summary() {
    const samples = this.#set.samples.length;
    const classified = samples - this.#failed;
    const judged = this.#known && classified > 0;
    return {
      samples,
      failed: this.#failed,
      ...(judged && { right: this.#right, accuracy: this.#right / classified }),
    };
  }

  /** Says what is no data, and gives the exit code. */
  report(): number {
    const { samples, failed, accuracy, right } = this.#summary();
    if (accuracy !== undefined) say(`accuracy ${accuracy.toFixed(4)}: ${right} of ${samples - failed} right`);
    if (isFile(this.#options.output)) say(`wrote ${this.#options.output}`);
    if (failed === 0) return EXIT.ok;
    say(`${failed} of ${samples} samples failed`);
    return failed === samples ? EXIT.badData : EXIT.someSeriesFailed;
  }
}

function isSampleError(error: unknown): error is TidemergeError {
  return error instanceof TidemergeError && (error.code === 'ERR_INVALID_SHAPE' || error.code === 'ERR_BAD_DATA');
}
