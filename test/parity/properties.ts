import { expect } from 'vitest';
import type { Backend } from '../../lib/backend/backend.js';
import { TidemergeError } from '../../lib/errors.js';
import type { ParityCase, Tensors } from './case.js';
import { expectAllEqual } from './compare.js';
import { CaseRunner, shifted } from './run.js';
import { selectSeries, seriesCount } from './series.js';

/**
 * What must hold on any single backend, bit for bit: series that change places take their results along, a series alone
 * has the result it has in company, and calling the operator directly is running it.
 */
export async function expectProperties(backend: Backend, parityCase: ParityCase): Promise<Tensors[]> {
  const runner = await CaseRunner.create(backend, parityCase);
  try {
    const results = await runner.run(parityCase.runs);
    const elsewhere = parityCase.runs.map((inputs) => moved(inputs));
    expectAllEqual((await runner.run(elsewhere)).at(-1)!, results.at(-1)!, 'from other memory');
    if (parityCase.roles) await expectIndependentSeries(runner, parityCase, parityCase.roles, results);
    if (parityCase.runs.length === 1) {
      const direct = runner.callDirectly(parityCase.runs[0]!, parityCase.weights);
      if (direct) expectAllEqual(direct, results[0]!, 'called directly');
    }
    return results;
  } finally {
    runner.dispose();
  }
}

function moved(inputs: Tensors): Tensors {
  const entries = Object.entries(inputs).map(([name, tensor]) => [name, { ...tensor, data: shifted(tensor.data) }]);
  return Object.fromEntries(entries);
}

async function expectIndependentSeries(
  runner: CaseRunner,
  { runs }: ParityCase,
  roles: NonNullable<ParityCase['roles']>,
  results: readonly Tensors[],
): Promise<void> {
  const count = Object.keys(roles).length === 0 ? 0 : seriesCount({ ...runs[0], ...results[0] }, roles);
  if (count === 0) return;
  const order = Array.from({ length: count }, (_, i) => i);
  // A rotation reversed, the first, the last and one in the middle alone; every one of them where they are few.
  const alone = count <= 5 ? order : [0, count >> 1, count - 1];
  for (const picks of [[...order.slice(1), 0].reverse(), ...alone.map((b) => [b])]) {
    const chosen = runs.map((inputs) => selectSeries(inputs, roles, picks, Object.keys(inputs)));
    for (const [i, outputs] of (await runner.run(chosen)).entries()) {
      const all = { ...runs[i], ...results[i] };
      const expected = selectSeries(all, roles, picks, Object.keys(outputs));
      expectAllEqual(outputs, expected, `series ${picks.slice(0, 5)}`);
    }
  }
}

/** The case fails on this backend as it says: with its code, in the name of its operator. */
export async function expectFailure(backend: Backend, parityCase: ParityCase): Promise<void> {
  const runner = await CaseRunner.create(backend, parityCase);
  try {
    const error = await runner.run(parityCase.runs).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TidemergeError);
    const { code, message } = error as TidemergeError;
    expect(code, message).toBe(parityCase.fails);
    expect(message).toMatch(new RegExp(`^(${runner.operators.join('|')}): `));
    expect(message).toMatch(/expected .+, got .+/);
  } finally {
    runner.dispose();
  }
}
