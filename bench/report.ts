import { describeMachine, type Machine, machine } from './machine.js';

/** One line of a suite's table, and of its JSON. */
export type Row = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Options {
  /** Tables go to stderr and one JSON document per suite to stdout. */
  readonly json: boolean;
  /** Fewer and smaller cases. */
  readonly quick: boolean;
}

/** Prints one suite: the machine, its tables as they come, and at the end everything as JSON if wanted. */
export class Report {
  readonly suite: string;
  readonly machine: Machine;
  readonly options: Options;
  readonly #tables: { title: string; rows: readonly Row[] }[] = [];

  private constructor(suite: string, machine: Machine, options: Options) {
    this.suite = suite;
    this.machine = machine;
    this.options = options;
  }

  static async start(suite: string, options: Options): Promise<Report> {
    const report = new Report(suite, await machine(), options);
    report.say(`\n== ${suite} ==\n${describeMachine(report.machine)}`);
    return report;
  }

  say(text: string): void {
    (this.options.json ? process.stderr : process.stdout).write(`${text}\n`);
  }

  table(title: string, rows: readonly Row[]): void {
    this.#tables.push({ title, rows });
    this.say(`\n${title}\n${layOut(rows)}`);
  }

  finish(): void {
    if (!this.options.json) return;
    const { suite, machine } = this;
    process.stdout.write(
      `${JSON.stringify({ suite, date: new Date().toISOString(), machine, tables: this.#tables })}\n`,
    );
  }
}

/** Columns in the order of their first appearance; numbers to the right. */
export function layOut(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const text = (value: Row[string]) => (typeof value === 'number' ? digits(value) : String(value ?? ''));
  const lines = [names, ...rows.map((row) => names.map((name) => text(row[name])))];
  const widths = names.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const numeric = names.map((name) => rows.every((row) => ['number', 'undefined'].includes(typeof row[name])));
  const pad = (cell: string, i: number) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!));
  return lines.map((line) => `  ${line.map(pad).join('  ').trimEnd()}`).join('\n');
}

/** Three significant digits, without an exponent where that reads well. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1);
  return size >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
