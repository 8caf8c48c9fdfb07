import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backendsUnderTest } from './backends.js';
import { fixture } from './goldens.js';
import { describeLongConv } from './long-conv.suite.js';

const folder = fixture('long-conv');
const files = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
describeLongConv(
  files.map((file) => join(folder, file)),
  backendsUnderTest(),
);
