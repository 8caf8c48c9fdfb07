import { backendsUnderTest } from './backends.js';
import { fixture } from './goldens.js';
import { describeMergedBolt, describeMergedT5 } from './merging.suite.js';

const backends = backendsUnderTest();
const cases = (folder: string) => fixture('merged-models', folder, 'cases.safetensors');

for (const folder of ['random-512', 'random-untied']) {
  const file = cases(`chronos-t5-${folder}`);
  describeMergedT5(`merged chronos-t5 ${folder}`, fixture('chronos-t5', folder), file, backends);
}
describeMergedBolt(
  'merged chronos-bolt random-bolt',
  fixture('chronos-bolt', 'random-bolt'),
  cases('chronos-bolt-random-bolt'),
  backends,
);
