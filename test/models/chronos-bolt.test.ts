import { backendsUnderTest } from './backends.js';
import { describeChronosBolt } from './chronos-bolt.suite.js';
import { fixture } from './goldens.js';

const backends = backendsUnderTest();

for (const folder of ['random-bolt', 'random-bolt-overlap']) {
  const directory = fixture('chronos-bolt', folder);
  const padded = folder === 'random-bolt-overlap';
  describeChronosBolt(`chronos-bolt ${folder}`, directory, `${directory}/cases.safetensors`, backends, { padded });
}
