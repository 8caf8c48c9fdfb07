import { describe, expect, it } from 'vitest';
import { SafetensorsFile, serializeSafetensors } from '../../../lib/io/safetensors.js';
import { WeightScope } from '../../../lib/io/weight-scope.js';
import { caught, matches } from './temporary.js';

const store = SafetensorsFile.parse(
  serializeSafetensors([
    { name: 'encoder.block.0.q.weight', dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { name: 'encoder.block.0.k.weight', dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3f80) },
    { name: 'encoder.norm', dtype: 'F32', shape: [], data: Float32Array.of(8) },
    { name: 'encoders', dtype: 'F32', shape: [1], data: Float32Array.of(9) },
  ]),
  'model.safetensors',
);

describe('WeightScope', () => {
  it('takes tensors by their name within nested scopes', () => {
    const block = new WeightScope(store).scope('encoder').scope('block.0');
    const weight = block.take('q.weight', [2, 3]);
    expect(weight).toMatchObject({ name: 'encoder.block.0.q.weight', dtype: 'F32', shape: [2, 3] });
    expect([...weight.load()]).toEqual([1, 2, 3, 4, 5, 6]);
    const half = block.take('k.weight', [1]);
    expect([...half.load()]).toEqual([1]);
    expect(half.loadRaw().data).toEqual(Uint16Array.of(0x3f80));
    expect(block.info('k.weight')?.dtype).toBe('BF16');
    expect(block.prefix).toBe('encoder.block.0.');
  });

  it('says who, what was expected and what came when shapes differ', () => {
    const block = new WeightScope(store).scope('encoder.block.0');
    for (const shape of [[3, 2], [6], [2, 3, 1], []]) {
      matches(
        caught(() => block.take('q.weight', shape)),
        'ERR_BAD_MODEL',
        new RegExp(
          `^model\\.safetensors: tensor "encoder\\.block\\.0\\.q\\.weight": expected shape \\[${shape.join(', ')}\\], got \\[2, 3\\]$`,
        ),
      );
    }
    matches(
      caught(() => block.take('v.weight', [1])),
      'ERR_BAD_MODEL',
      /expected a tensor "encoder\.block\.0\.v\.weight", got none; tensors ending alike: "encoder/,
    );
    expect(block.takeOptional('v.weight', [1])).toBeUndefined();
    expect(block.has('v.weight')).toBe(false);
    expect(block.has('q.weight')).toBe(true);
  });

  it('lists what was never taken, for all scopes of one root', () => {
    const root = new WeightScope(store);
    const encoder = root.scope('encoder');
    encoder.scope('block.0').take('q.weight', [2, 3]);
    caught(() => encoder.take('norm', [1]));
    expect(root.unused().sort()).toEqual(['encoder.block.0.k.weight', 'encoder.norm', 'encoders']);
    expect(encoder.unused().sort()).toEqual(['encoder.block.0.k.weight', 'encoder.norm']);
    encoder.ignore('norm', 'block.0.k.weight');
    expect(root.unused()).toEqual(['encoders']);
    expect(new WeightScope(store).unused()).toHaveLength(4);
  });
});
