import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backendsUnderTest } from './backends.js';
import { fixture } from './goldens.js';
import { describeSelectiveScan } from './selective-scan.suite.js';

const folder = fixture('selective-scan', 'scan');
describeSelectiveScan(
  readdirSync(folder).map((file) => join(folder, file)),
  backendsUnderTest(),
);
