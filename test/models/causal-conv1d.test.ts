import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backendsUnderTest } from './backends.js';
import { describeCausalConv1d } from './causal-conv1d.suite.js';
import { fixture } from './goldens.js';

/** All cases of the golden set: they are small. */
const folder = fixture('selective-scan', 'conv');
describeCausalConv1d(
  readdirSync(folder).map((file) => join(folder, file)),
  backendsUnderTest(),
);
