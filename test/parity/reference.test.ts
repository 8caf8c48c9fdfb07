import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../lib/backend/reference/index.js';
import { REFERENCE_OPERATORS } from '../../lib/backend/reference/operators.js';
import { CASES } from './cases.js';
import { expectFailure, expectProperties } from './properties.js';
import { CaseRunner } from './run.js';

describe('the reference', () => {
  const backend = createReferenceBackend();

  it.each(CASES.filter((one) => !one.fails))('$name', async (one) => {
    await expectProperties(backend, one);
  });

  it.each(CASES.filter((one) => one.fails))('fails: $name', (one) => expectFailure(backend, one));
});

describe('the cases', () => {
  it('have names of their own', () => {
    const names = CASES.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it('use every operator', async () => {
    const used = new Set<string>();
    for (const one of CASES)
      for (const op of (await CaseRunner.create(createReferenceBackend(), one)).operators) used.add(op);
    expect([...REFERENCE_OPERATORS.keys()].filter((op) => !used.has(op))).toEqual([]);
  });
});
