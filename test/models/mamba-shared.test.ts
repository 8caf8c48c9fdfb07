import { join } from 'node:path';
import { it } from 'vitest';
import { nativeBackends } from './backends.js';
import { sharedFolder } from './goldens.js';
import { describeMamba } from './mamba.suite.js';
import { describeMergedMamba } from './mamba-merging.suite.js';

/*
 * The goldens of which test/fixtures has the smaller ones.
 */

const shared = sharedFolder('shared goldens of Mamba');

if (!shared) it.skip('shared goldens of Mamba: the folder is not there', () => {});

if (shared) {
  for (const folder of ['tiny', 'mid', 'mamba2-tiny']) {
    const directory = join(shared, 'golden', 'mamba', folder);
    describeMamba(`shared mamba ${folder}`, directory, join(directory, 'cases.safetensors'), nativeBackends());
    if (folder === 'mamba2-tiny') continue;
    const merged = join(shared, 'golden', 'merged-models', `mamba-${folder}`, 'cases.safetensors');
    describeMergedMamba(`shared merged mamba ${folder}`, directory, merged, nativeBackends());
  }
}
