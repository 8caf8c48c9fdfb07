import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../lib/backend/backend.js';
import { loadAddon } from '../../lib/backend/loader.js';
import { createReferenceBackend } from '../../lib/backend/reference/index.js';
import { weightValue } from '../../lib/backend/reference/value.js';
import { createBackend } from '../../lib/backend/select.js';
import { matrix } from '../../lib/tensor/tensor.js';
import type { BoundContext, ParityCase, Tensors } from './case.js';
import { CASES } from './cases.js';
import { expectAllEqual, expectEqual, expectWithin } from './compare.js';
import { expectFailure, expectProperties } from './properties.js';
import { CaseRunner } from './run.js';

const reference = createReferenceBackend();
const expectedResults = new Map<ParityCase, Promise<Tensors[]>>();

/** What the reference computes, once for all instruction sets. */
function expectedOf(one: ParityCase): Promise<Tensors[]> {
  let results = expectedResults.get(one);
  if (!results) {
    results = CaseRunner.create(reference, one).then((runner) => runner.run(one.runs));
    expectedResults.set(one, results);
  }
  return results;
}

function weightsOf(one: ParityCase): Tensors {
  const entries = Object.entries(one.weights ?? {}).map(([name, spec]) => {
    const { data, cols, rows } = weightValue({ ...spec, name });
    return [name, matrix(Float32Array.from(data), cols, rows)] as const;
  });
  return Object.fromEntries(entries);
}

function compare(one: ParityCase, actual: readonly Tensors[], expected: readonly Tensors[], isa: string): void {
  for (const [i, outputs] of expected.entries()) {
    for (const [name, tensor] of Object.entries(outputs)) {
      const what = `run ${i}: ${name}`;
      const context: BoundContext = {
        inputs: one.runs[i]!,
        runs: one.runs,
        index: i,
        weights: weightsOf(one),
        expected: tensor,
        isa,
      };
      const bound = one.bounds?.[name];
      if (bound) expectWithin(actual[i]![name]!, tensor, bound(context), what);
      else expectEqual(actual[i]![name]!, tensor, what);
    }
  }
}

// Without the addon there is nothing to hold against the reference: this throws, and the file fails.
const supported = loadAddon()
  .addon.sets()
  .filter((set) => set.supported);

describe.each(supported)('native $name', ({ name: isa }) => {
  let one: Backend;
  let two: Backend;

  beforeAll(async () => {
    one = await createBackend({ isa, threads: 1 });
    two = await createBackend({ isa, threads: 2 });
    expect(two).toMatchObject({ name: 'native', isa, threads: 2 });
  });

  afterAll(() => {
    one.dispose();
    two.dispose();
  });

  it.each(CASES.filter((c) => !c.fails))('$name', async (parityCase) => {
    const results = await expectProperties(two, parityCase);
    compare(parityCase, results, await expectedOf(parityCase), isa);
    const runner = await CaseRunner.create(one, parityCase);
    const alone = await runner.run(parityCase.runs);
    runner.dispose();
    for (const [i, outputs] of results.entries()) expectAllEqual(alone[i]!, outputs, 'with one thread');
  });

  it.each(CASES.filter((c) => c.fails))('fails: $name', (parityCase) => expectFailure(two, parityCase));
});
