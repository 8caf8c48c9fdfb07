import { backendsUnderTest } from './backends.js';
import { fixture } from './goldens.js';
import { describeMamba } from './mamba.suite.js';

for (const folder of ['tiny-variant']) {
  const directory = fixture('mamba', folder);
  describeMamba(`mamba ${folder}`, directory, fixture('mamba', folder, 'cases.safetensors'), backendsUnderTest());
}
