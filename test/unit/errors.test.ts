import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, TidemergeError } from '../../lib/errors.js';

describe('error codes', () => {
  it('have a section each in docs/reference/errors.md, in the same order', () => {
    const text = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8');
    const sections = text.split(/^## /m).slice(1);
    expect(sections.map((section) => section.slice(0, section.indexOf('\n')))).toEqual([...ERROR_CODES]);
    for (const section of sections) expect(section.split('\n').slice(1).join('').length).toBeGreaterThan(40);
  });

  it('are carried by the error with its cause', () => {
    const cause = new Error('below');
    const error = new TidemergeError('ERR_BAD_DATA', 'above', { cause });
    expect(error).toMatchObject({ name: 'TidemergeError', code: 'ERR_BAD_DATA', message: 'above', cause });
  });
});
