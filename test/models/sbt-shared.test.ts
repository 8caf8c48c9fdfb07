import { join } from 'node:path';
import { it } from 'vitest';
import { backendsUnderTest } from './backends.js';
import { sharedFolder } from './goldens.js';
import { describeSbt } from './sbt.suite.js';

const shared = sharedFolder('shared goldens of sparse binary transformers');

if (!shared) it.skip('shared goldens of sparse binary transformers: the folder is not there', () => {});

if (shared) {
  const backends = backendsUnderTest();
  const all = ['cls', 'anomaly', 'forecast'].flatMap((task) => [`${task}_small`, `${task}_smd_size`]);
  for (const name of [...all, 'forecast_small_dense_norm']) {
    describeSbt(`shared ${name}`, join(shared, 'golden', 'sbt', name), backends);
  }
}
