import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backendsUnderTest } from './backends.js';
import { fixture } from './goldens.js';
import { describeMerging } from './merge.suite.js';

const folder = fixture('merge');
const files = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
describeMerging(
  files.map((file) => join(folder, file)),
  backendsUnderTest(),
);
