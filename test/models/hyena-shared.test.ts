import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, it } from 'vitest';
import { nativeBackends } from './backends.js';
import { sharedFolder } from './goldens.js';
import { describeHyena } from './hyena.suite.js';

/*
 * All cases of the model of which test/fixtures has the shorter ones, and another model.
 */

const shared = sharedFolder('shared goldens of HyenaDNA');

if (!shared) it.skip('shared goldens of HyenaDNA: the folder is not there', () => {});

if (shared) {
  const models = mkdtempSync(join(tmpdir(), 'tidemerge-hyena-'));
  afterAll(() => rmSync(models, { recursive: true }));
  for (const folder of ['tiny_d32_l2', 'small_d48_l3']) {
    const source = join(shared, 'golden', 'hyena', folder);
    const directory = mkdtempSync(join(models, folder));
    // There the published configuration is a section of the file.
    const { config } = JSON.parse(readFileSync(join(source, 'config.json'), 'utf8'));
    writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
    symlinkSync(join(source, 'model.safetensors'), join(directory, 'model.safetensors'));
    describeHyena(`shared hyena ${folder}`, directory, join(source, 'cases.safetensors'), nativeBackends());
  }
}
