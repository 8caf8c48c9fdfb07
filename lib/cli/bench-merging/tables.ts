import type { Change } from '../../analysis/bootstrap.js';
import { percent, significant, textTable } from '../text-table.js';
import type {
  AccuracyReport,
  ChoiceReport,
  DataReport,
  MergingReport,
  ModelReport,
  SelectionReport,
} from './report.js';

/** The whole report as text. */
export function tables(report: MergingReport): string {
  const { machine } = report;
  const parts = [
    `tidemerge ${report.tidemerge}, ${machine.cpu}, ${machine.cores} cores, ${machine.isa}, Node ${machine.node}\n`,
    ...report.models.map((model) => speedTable(model, report.options.batch as number)),
    ...report.accuracy.filter(({ part }) => part === 'test').map((accuracy) => accuracyTable(accuracy, report)),
    ...report.data.map((data) => selectionTable(data, report.selection)),
  ];
  if (report.selection.length > 0) parts.push(NOTES);
  return parts.join('\n');
}

const NOTES = `Settings are chosen on the validation windows and reported on the test windows. best: the lowest MSE. fastest: the
highest rate of those whose MSE is at most 3 % above the reference. same-size: a model merged against itself unmerged.
across-merged: any size merged against the best unmerged size, and better than the second-best unmerged size (how the
paper's largest factors come about). across-unmerged: a smaller size without merging, by the 3 % rule alone.
In brackets: 95 % interval of a paired bootstrap over the times at which windows start.
`;

function speedTable(model: ModelReport, batch: number): string {
  const random = model.trained ? '' : ', speed only: its weights are not taken for trained';
  const title = `${model.name}: ${model.context} values in, ${model.horizon} steps out, ${batch} series a call${random}\n`;
  const header = ['setting', 'threads', 'tokens', 'MFLOP', 'ms', 'series/s', 'speed-up', 'quartiles'];
  const rows = model.speed.map(({ setting, threads, tokens, flops, milliseconds, seriesPerSecond, speedup }) => [
    setting,
    String(threads),
    tokens.map((count) => Number(count.toFixed(1))).join('>'),
    significant(flops === undefined ? undefined : flops / 1e6),
    significant(milliseconds),
    significant(seriesPerSecond),
    speedup.median.toFixed(2),
    `${speedup.low.toFixed(2)} to ${speedup.high.toFixed(2)}`,
  ]);
  return title + textTable(header, rows);
}

function accuracyTable({ model, data, rows }: AccuracyReport, report: MergingReport): string {
  const { count, starts } = report.data.find(({ name }) => name === data)!.windows.test;
  const sigmas = rows[0]!.gaussian.map(({ sigma }) => sigma);
  const pruned = rows.some(({ prune }) => prune);
  const { speed } = report.models.find(({ name }) => name === model)!;
  const header = [
    'setting',
    'series/s',
    'MSE',
    'change',
    '95 %',
    'MAE',
    'change',
    'WQL',
    'change',
    ...(pruned ? ['pruned'] : []),
    ...sigmas.map((sigma) => `gauss ${sigma}`),
  ];
  const lines = rows.map(({ setting, scores, change, prune, gaussian }) => [
    setting,
    significant(speed.find((row) => row.setting === setting)?.seriesPerSecond),
    significant(scores.mse, 4),
    percent(change.mse.estimate),
    interval(change.mse),
    significant(scores.mae, 4),
    percent(change.mae),
    significant(scores.wql, 4),
    percent(change.wql),
    ...(pruned ? [percent(prune?.change.mse.estimate)] : []),
    ...gaussian.map((control) => percent(control.change.mse.estimate)),
  ]);
  const controls = pruned || sigmas.length > 0 ? '; the last columns are MSE changes of the controls' : '';
  return `${model} on ${data}: ${count} test windows at ${starts} times${controls}\n${textTable(header, lines)}`;
}

const interval = ({ low, high }: Change) => `[${percent(low)}, ${percent(high)}]`;

function selectionTable({ name, windows }: DataReport, selection: readonly SelectionReport[]): string {
  const { validation, test } = windows;
  const title = `choices on ${name}: ${validation.count} validation and ${test.count} test windows\n`;
  const header = ['way', 'rule', 'reference', 'MSE', 'choice', 'speed-up', 'validation', 'MSE', 'test change', '95 %'];
  const own = selection.filter(({ data }) => data === name);
  const rows = own.flatMap(({ way, choices }) => choices.map((choice) => [way, ...choiceCells(choice)]));
  const notes = own.flatMap(({ way, note }) => (note ? [`  ${way}: ${note}\n`] : []));
  return own.length === 0 ? '' : title + textTable(header, rows) + notes.join('');
}

function choiceCells({ rule, reference, choice }: ChoiceReport): string[] {
  const before = [rule, `${reference.model} ${reference.setting}`, significant(reference.testMse, 4)];
  if (!choice) return [...before, 'none allowed', '', '', '', '', ''];
  return [
    ...before,
    `${choice.model} ${choice.setting}`,
    choice.speedup.toFixed(2),
    percent(choice.validationChange),
    significant(choice.testMse, 4),
    percent(choice.testChange.estimate),
    interval(choice.testChange),
  ];
}
