import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { backendsUnderTest } from './backends.js';
import { sharedFolder } from './goldens.js';
import { describeMerging } from './merge.suite.js';
import { describeToMe } from './merge-tome.suite.js';

/** All cases, those on ETT rows included, which may not be published with the library. */
const shared = sharedFolder('shared goldens of merging');
if (shared) {
  const folder = join(shared, 'golden', 'merge', 'local');
  const files = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
  describeMerging(
    files.map((file) => join(folder, file)),
    backendsUnderTest(),
  );
  const evenWithoutClassToken = [
    'small',
    'quarter',
    'max',
    'zero-r',
    'sizes',
    'metric',
    'three-layers',
    'wide',
    'ett-days',
  ];
  describeToMe(
    evenWithoutClassToken.map((name) => join(shared, 'golden', 'merge', 'tome', `${name}.safetensors`)),
    backendsUnderTest(),
  );
} else {
  it.skip('shared goldens of merging: the folder is not there', () => {});
}
