import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../lib/errors.js';
import { causalConv1d, linear, type MambaInnerInputs, mambaInner, type Tensor } from '../../lib/ops/index.js';
import { backendsUnderTest } from './backends.js';
import { fixture, readGoldens } from './goldens.js';
import { describeMambaInner, recordedInputs } from './mamba-inner.suite.js';

const folder = fixture('selective-scan', 'inner');
describeMambaInner(
  readdirSync(folder).map((file) => join(folder, file)),
  backendsUnderTest(),
);

type Floats = Tensor<Float32Array>;
const inputs = () => recordedInputs(readGoldens('selective-scan', 'inner', 'small.safetensors'));

/** [batch, rows, columns] to [batch, columns, rows] */
function turned({ data, shape }: Floats): Floats {
  const [batch, rows, cols] = shape as [number, number, number];
  const at = (i: number) => [Math.floor(i / (rows * cols)), Math.floor(i / rows) % cols, i % rows] as const;
  const value = (b: number, c: number, r: number) => data[(b * rows + r) * cols + c]!;
  return { data: data.map((_, i) => value(...at(i))), shape: [batch, cols, rows] };
}

describe('mambaInner', () => {
  it('takes B and C from outside', async () => {
    const given = inputs();
    const [dInner, dState] = given.A.shape as [number, number];
    const [batch, , length] = given.xz.shape as [number, number, number];
    const x = given.xz.data.filter((_, i) => Math.floor(i / length) % (2 * dInner) < dInner);
    const { y } = causalConv1d({
      ...{ x: { data: x, shape: [batch, dInner, length] }, weight: given.conv1dWeight, bias: given.conv1dBias },
      activation: 'silu',
    });
    const rank = given.deltaProjWeight.shape[1]!;
    const part = (from: number, rows: number) => {
      const data = given.xProjWeight.data.slice(from * dInner, (from + rows) * dInner) as Float32Array;
      return { data, shape: [rows, dInner] };
    };
    const projected = (from: number) => turned(linear(turned(y), part(from, dState)));
    const outside = { ...given, xProjWeight: part(0, rank), B: projected(rank), C: projected(rank + dState) };
    expect(await mambaInner(outside)).toEqual(await mambaInner(given));
  });

  it('gives nothing for no steps', async () => {
    const given = inputs();
    const xz = { data: new Float32Array(), shape: [2, given.xz.shape[1]!, 0] };
    const { data, shape } = await mambaInner({ ...given, xz });
    expect({ data: [...data], shape }).toEqual({ data: [], shape: [2, 0, given.outProjWeight.shape[0]] });
  });

  it.each<[string, Partial<MambaInnerInputs>, ErrorCode]>([
    ['xz', { xz: { data: new Float32Array(12), shape: [1, 12, 1] } }, 'ERR_INVALID_SHAPE'],
    ['xProjWeight', { B: { data: new Float32Array(96), shape: [12, 8] } }, 'ERR_INVALID_SHAPE'],
    ['outProjWeight', { outProjWeight: { data: new Float32Array(6), shape: [6, 1] } }, 'ERR_INVALID_SHAPE'],
    ['D', { D: { data: new Int32Array(12) as never, shape: [12] } }, 'ERR_INVALID_DTYPE'],
    ['A', { A: undefined as never }, 'ERR_INVALID_ARGUMENT'],
  ])('refuses a wrong %s', async (name, change, code) => {
    const run = mambaInner({ ...inputs(), ...change });
    await expect(run).rejects.toMatchObject({ code, message: expect.stringContaining(`mambaInner: ${name}: `) });
  });
});
