import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { backendsUnderTest } from './backends.js';
import { sharedFolder } from './goldens.js';
import { describeLongConv } from './long-conv.suite.js';

/** All recorded lengths. */
const shared = sharedFolder('shared goldens of the long convolution');
if (shared) {
  const folder = join(shared, 'golden', 'hyena', 'fftconv');
  describeLongConv(
    readdirSync(folder).map((file) => join(folder, file)),
    backendsUnderTest(),
  );
} else {
  it.skip('shared goldens of the long convolution: the folder is not there', () => {});
}
