import { backendsUnderTest } from './backends.js';
import { fixture } from './goldens.js';
import { describeMamba } from './mamba.suite.js';
import { describeMergedMamba } from './mamba-merging.suite.js';

const backends = backendsUnderTest();

for (const folder of ['tiny-variant', 'mamba2-tiny']) {
  const directory = fixture('mamba', folder);
  describeMamba(`mamba ${folder}`, directory, fixture('mamba', folder, 'cases.safetensors'), backends);
}
const merged = fixture('merged-models', 'mamba-tiny', 'cases.safetensors');
describeMergedMamba('merged mamba tiny', fixture('mamba', 'tiny'), merged, backends);
