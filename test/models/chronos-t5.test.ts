import { backendsUnderTest } from './backends.js';
import { describeChronosT5 } from './chronos-t5.suite.js';
import { fixture } from './goldens.js';

const backends = backendsUnderTest();

for (const folder of ['random-512', 'random-untied']) {
  const directory = fixture('chronos-t5', folder);
  describeChronosT5(`chronos-t5 ${folder}`, directory, `${directory}/cases.safetensors`, backends);
}
