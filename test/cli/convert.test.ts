import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelConfig, openSafetensors, WeightScope } from '../../lib/io/index.js';
import { serializeSafetensors } from '../../lib/io/safetensors.js';
import { sbtFromCheckpoint } from '../../lib/models/sbt/checkpoint.js';
import { readSbtConfig } from '../../lib/models/sbt/read-config.js';
import { readSbtWeights } from '../../lib/models/sbt/unpack.js';
import { torchFile } from '../unit/io/torch-file.js';
import { checkpointTensors, FORECAST, SPARSE, scopeOf } from '../unit/models/sbt/synthetic.js';
import { tidemerge } from './run.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemerge-convert-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const forecast = { task: 'forecast', m: 3, w: 5, d: 8, ffn: 6, lin_prune_rate: 0.3 };
const classes = { task: 'classification', m: 3, w: 5, d: 8, ffn: 6, classes: 4 };

function read(directory: string) {
  const config = readSbtConfig(ModelConfig.read(join(directory, 'config.json')));
  const store = openSafetensors(join(directory, 'model.safetensors'));
  const weights = readSbtWeights(config, new WeightScope(store));
  store.close();
  return { config, weights };
}

describe('tidemerge convert sbt', () => {
  it('converts what PyTorch saved', async () => {
    const tensors = checkpointTensors(FORECAST);
    const checkpoint = file('forecast.pt', torchFile([...tensors.values()]));
    const config = file('forecast.json', JSON.stringify({ ...forecast, mean: [1, 2, 3], scale: [1, 2, 4] }));
    const output = join(folder, 'forecast', 'model');
    const args = ['convert', 'sbt', checkpoint, '-c', config, '--alpha', 'score', '-o', output];
    const { code, stdout, stderr } = await tidemerge(args);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/^wrote .*model: \d+ bytes of weights, from \d+ in the checkpoint\n$/);
    expect(readdirSync(output).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(read(output)).toEqual({
      config: FORECAST,
      weights: {
        ...sbtFromCheckpoint(FORECAST, scopeOf(tensors), { alphaRule: 'score' }),
        standardization: { mean: Float32Array.of(1, 2, 3), scale: Float32Array.of(1, 2, 4) },
      },
    });
  });

  it('names classes, and what it did not find or read', async () => {
    const tensors = checkpointTensors(SPARSE);
    for (const name of tensors.keys()) if (name.endsWith('_act_mask')) tensors.delete(name);
    tensors.set('extra', { name: 'extra', dtype: 'F32', shape: [1], data: Float32Array.of(1) });
    const checkpoint = file('classes.safetensors', serializeSafetensors(tensors.values()));
    const config = file('classes.json', JSON.stringify(classes));
    const output = join(folder, 'classes');
    const { code, stderr } = await tidemerge([
      'convert',
      'sbt',
      checkpoint,
      '-c',
      config,
      '--labels',
      'a,b,c,d',
      '-o',
      output,
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain('warning: not read: "extra"\n');
    expect(stderr).toContain('warning: the checkpoint has no fixed masks');
    expect(read(output).config.labels).toEqual(['a', 'b', 'c', 'd']);

    const labels = await tidemerge(['convert', 'sbt', checkpoint, '-c', config, '--labels', 'a,b', '-o', output]);
    expect(labels).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--labels: expected 4 distinct names, got 2'),
    });
  });

  it('leaves nothing behind when it fails', async () => {
    const config = file('config.json', JSON.stringify(forecast));
    const output = join(folder, 'none');
    const pickle = file('code.pt', torchFile([], Buffer.from('\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.', 'latin1')));
    const refused = await tidemerge(['convert', 'sbt', pickle, '-c', config, '-o', output]);
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('"os.system", which is not loaded') });
    const missing = await tidemerge(['convert', 'sbt', join(folder, 'no.pt'), '-c', config, '-o', output]);
    expect(missing.code).toBe(4);
    expect((await tidemerge(['convert', 'sbt', pickle, '-o', output])).code).toBe(2);
    expect(existsSync(output)).toBe(false);
  });
});
