import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../lib/io/safetensors.js';
import { tidemerge } from './run.js';

const RESULTS = fileURLToPath(new URL('../../docs/results/sparse-binary.md', import.meta.url));
const CONFIG = {
  model_type: 'sparse_binary_transformer',
  task: 'anomaly-detection',
  num_variables: 38,
  window_length: 200,
  d_model: 76,
};
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemerge-cost-'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(CONFIG));
  const padding = {
    name: 'padding',
    dtype: 'U8',
    shape: [23_000],
    data: new Uint8Array(23_000),
  } as const;
  writeSafetensors(join(folder, 'model.safetensors'), [padding], { 'sbt.version': '1' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('tidemerge cost', () => {
  it('prints the tables that docs/results/sparse-binary.md shows', async () => {
    const { code, stdout, stderr } = await tidemerge(['cost', '--paper']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readFileSync(RESULTS, 'utf8')).toContain(`\`\`\`\n${stdout}\`\`\``);
  });

  it('counts a model folder with its file', async () => {
    const { stdout } = await tidemerge(['cost', folder]);
    expect(stdout).toMatch(/bits +4,249,408 +129,808 +32\.74\n/);
    const bytes = statSync(join(folder, 'model.safetensors')).size;
    const file = new RegExp(`the file +524,776 +${bytes.toLocaleString('en-US')} +${(524776 / bytes).toFixed(2)}\n`);
    expect(stdout).toMatch(file);
    expect(stdout).toMatch(/as computed here +10,867,848 +2,807,706 +3\.87\n/);
  });

  it('gives the same numbers as JSON, of a configuration alone', async () => {
    const { stdout } = await tidemerge(['cost', join(folder, 'config.json'), '--json']);
    const { paper, honest, config } = JSON.parse(stdout);
    expect(config.keepRatio).toBe(0.25);
    expect(paper.sparseBinary.flops).toBe(1863484);
    expect(honest.fileBytes).toBeUndefined();
    expect(honest.packedBytes).toBe(22790);
  });

  it('looks into the file of a classifier for masks', async () => {
    const classifier = { ...CONFIG, task: 'classification', output_size: 2 };
    const counted = async (layout: string) => {
      const directory = join(folder, layout);
      mkdirSync(directory);
      writeFileSync(join(directory, 'config.json'), JSON.stringify(classifier));
      writeSafetensors(join(directory, 'model.safetensors'), [], {
        'sbt.version': '1',
        'sbt.activation_masks': layout,
      });
      return JSON.parse((await tidemerge(['cost', directory, '--json'])).stdout).honest.packedBytes as number;
    };
    expect((await counted('positions')) - (await counted('none'))).toBe((3 * 200 * 76) / 8);
  });

  it('takes from a training checkpoint what its tensors tell', async () => {
    const directory = join(folder, 'checkpoint');
    mkdirSync(directory);
    const short = { task: 'anomaly', m: 38, w: 200, d: 76, layers: 2, heads: 2, ffn: 256, lin_prune_rate: 0.25 };
    writeFileSync(join(directory, 'config.json'), JSON.stringify(short));
    const scores = { name: 'embedding.scores', dtype: 'F32', shape: [1], data: new Float32Array(1) } as const;
    writeSafetensors(join(directory, 'model.safetensors'), [scores]);
    const { paper } = JSON.parse((await tidemerge(['cost', directory, '--json'])).stdout);
    expect(paper.sparseBinary.flops).toBe(1863484);
  });

  it('says what it cannot count', async () => {
    expect(await tidemerge(['cost'])).toMatchObject({ code: 2, stdout: '' });
    const missing = await tidemerge(['cost', join(folder, 'nothing')]);
    expect(missing.code).toBe(4);
    writeFileSync(join(folder, 'other.json'), '{"model_type": "t5"}');
    const other = await tidemerge(['cost', join(folder, 'other.json')]);
    expect(other.code).toBe(3);
    expect(other.stderr).toContain('model_type: expected one of "sparse_binary_transformer", got "t5" [ERR_BAD_MODEL]');
  });
});
