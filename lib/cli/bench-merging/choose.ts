import { mseChange } from '../../analysis/bootstrap.js';
import { acrossSizes, type Candidate, type Choice, sameSize } from '../../analysis/selection.js';
import type { AccuracyRow } from './accuracy.js';
import type { ChoiceReport, SelectionReport } from './report.js';

/** One trained model on one data set. */
export interface MeasuredModel {
  readonly name: string;
  readonly family: string;
  readonly validation: readonly AccuracyRow[];
  readonly test: readonly AccuracyRow[];
  /** Series a second by setting. */
  readonly speeds: ReadonlyMap<string, number>;
}

export interface ChooseOptions {
  /** By test window, see `mseChange`. */
  readonly groups: readonly number[];
  readonly resamples: number;
  readonly seed: number;
}

/** Chooses on the validation windows, three ways, and reports what the choices do on the test windows. */
export function chooseSettings(
  data: string,
  models: readonly MeasuredModel[],
  options: ChooseOptions,
): SelectionReport[] {
  const reports: SelectionReport[] = [];
  for (const family of new Set(models.map((model) => model.family))) {
    const sizes = models.filter((model) => model.family === family);
    const candidates = sizes.flatMap(candidatesOf);
    const report = (choice: Choice, names: readonly string[]): SelectionReport => ({
      data,
      way: choice.way,
      family,
      models: names,
      choices: (['best', 'fastest'] as const).map((rule) => choiceReport(rule, choice, sizes, options)),
    });
    for (const choice of sameSize(candidates)) reports.push(report(choice, [choice.reference.model]));
    const names = sizes.map(({ name }) => name);
    const across = acrossSizes(candidates);
    if (across) reports.push(...across.map((choice) => report(choice, names)));
    else {
      const note = `the family ${family} has one trained size here: nothing to choose across`;
      for (const way of ['across-merged', 'across-unmerged'] as const) {
        reports.push({ data, way, family, models: names, note, choices: [] });
      }
    }
  }
  return reports;
}

function candidatesOf({ name, validation, speeds }: MeasuredModel): Candidate[] {
  return validation.map(({ setting, scores }) => ({
    model: name,
    setting: setting.name,
    merged: setting.merging !== false,
    mse: scores.mse,
    speed: speeds.get(setting.name)!,
  }));
}

function choiceReport(
  rule: 'best' | 'fastest',
  choice: Choice,
  sizes: readonly MeasuredModel[],
  { groups, ...bootstrap }: ChooseOptions,
): ChoiceReport {
  const testRow = ({ model, setting }: Candidate) =>
    sizes.find(({ name }) => name === model)!.test.find((row) => row.setting.name === setting)!;
  const { reference } = choice;
  const chosen = choice[rule];
  const before = testRow(reference);
  const after = chosen && testRow(chosen);
  return {
    rule,
    reference: { model: reference.model, setting: reference.setting, testMse: before.scores.mse },
    choice: after && {
      model: chosen.model,
      setting: chosen.setting,
      speedup: chosen.speed / reference.speed,
      validationChange: chosen.mse / reference.mse - 1,
      testMse: after.scores.mse,
      testChange: mseChange(after.errors, before.errors, groups, bootstrap),
    },
  };
}
