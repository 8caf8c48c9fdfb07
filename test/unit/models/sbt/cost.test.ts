import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { costOf } from '../../../../lib/models/sbt/cost.js';
import { PAPER_DATASETS } from '../../../../lib/models/sbt/paper-datasets.js';
import { fixture } from '../../../models/goldens.js';

interface Row {
  readonly name: string;
  readonly m: number;
  readonly w: number;
  readonly out: number;
  readonly d: number;
  readonly layers: number;
  readonly heads: number;
  readonly ffn: number;
  readonly keep: number;
  readonly dense: { readonly params: number; readonly bits: number; readonly flops: number };
  readonly sbt: { readonly params: number; readonly nonzero: number; readonly bits: number; readonly flops: number };
}

const { rows } = JSON.parse(readFileSync(fixture('sbt', 'cost_metrics.json'), 'utf8')) as { rows: readonly Row[] };

const configOf = (name: string) => PAPER_DATASETS.find((dataset) => dataset.name === name)!.config;

describe('costOf, as the paper counts', () => {
  it('has the eleven data sets of the paper', () => {
    expect(PAPER_DATASETS.map(({ name }) => name)).toEqual(rows.slice(0, 11).map(({ name }) => name));
  });

  it.each(rows)('agrees with the official counters, $name', (row) => {
    const config = { ...configOf(row.name.split(' ')[0]!), keepRatio: row.keep };
    expect(config).toMatchObject({
      numVariables: row.m,
      windowLength: row.w,
      outputSize: row.out,
      dModel: row.d,
      numLayers: row.layers,
      numHeads: row.heads,
      feedForwardSize: row.ffn,
    });
    const { dense, sparseBinary } = costOf(config).paper;
    expect(dense).toEqual({ parameters: row.dense.params, bits: row.dense.bits, flops: row.dense.flops });
    const { params, nonzero, bits, flops } = row.sbt;
    expect(sparseBinary).toEqual({ parameters: params, nonZero: nonzero, bits, flops });
  });

  it('reaches the largest ratios of the abstract', () => {
    expect(costOf(configOf('JapaneseVowels')).paper.ratios?.bits.toFixed(2)).toBe('52.85');
    expect(costOf(configOf('SMD')).paper.ratios?.flops.toFixed(2)).toBe('10.47');
  });

  it('knows ordinary norms and plain attention', () => {
    const forecasting = configOf('ETTm1');
    const { sparseBinary: pruned } = costOf(forecasting).paper;
    const { sparseBinary: plain } = costOf(forecasting, { normKeepRatio: 1 }).paper;
    expect(plain!.bits - pruned!.bits).toBe(31 * 4 * 200);
    expect(plain!.flops - pruned!.flops).toBe(4 * 1.5 * 200 * 64);
    const { ratios, sparseBinary } = costOf(configOf('Heartbeat'), { activationKeepRatio: 1 }).paper;
    // The dense model's count but for the halved weights and the fixed position code.
    expect(sparseBinary!.flops).toBe(52729380 - 0.5 * (2 * (3 * 405 + 9) * 64 * 64 + 63 * 64) + 405 * 64);
    expect(ratios!.flops).toBeGreaterThan(1);
  });

  it('counts a dense model alone', () => {
    const config = { ...configOf('SMD'), weights: 'dense', keepRatio: 1, norm: 'time', attention: 'full' } as const;
    expect(costOf(config).paper).toEqual({ dense: costOf(configOf('SMD')).paper.dense });
  });
});

describe('costOf, really', () => {
  const millions = ({ allEntries, keptEntries }: { allEntries: number; keptEntries: number }) =>
    [allEntries, keptEntries].map((count) => Number((count / 1e6).toFixed(2)));

  // The full count independently of this code; what is executed is held against programs in executed-cost.test.ts.
  it.each([
    ['SMD', 37.55],
    ['MSL', 11.88],
    ['SMAP', 4.12],
  ])('knows what every step of every layer takes, %s', (name, full) => {
    const { multiplyAdds } = costOf(configOf(name)).honest;
    expect(millions(multiplyAdds.full)[0]).toBe(full);
    expect(multiplyAdds.executed.keptEntries).toBeLessThan(multiplyAdds.full.keptEntries);
    expect(multiplyAdds.streaming).toBeUndefined();
  });

  it('stores norms, tables and dense matrices', () => {
    const config = configOf('Heartbeat');
    // Masks and signs of 102336 entries, half of them kept; biases; scale and shift of four norms; fourteen matrices.
    const packed = 102336 / 8 + 51168 / 8 + 4 * (8 * 64 + 8 * 64) + 14 * 5;
    const unmasked = { activationKeepRatio: 1, fileBytes: 7 };
    expect(costOf(config, unmasked).honest).toMatchObject({ packedBytes: packed, fileBytes: 7 });
    expect(costOf(config).honest.packedBytes).toBe(packed + (3 * 405 * 64) / 8);
    expect(costOf({ ...config, positionCode: 'table' }, unmasked).honest.packedBytes).toBe(packed + 4 * 405 * 64);
    const dense = costOf({ ...config, weights: 'dense', keepRatio: 1 }).honest;
    expect(dense.packedBytes).toBe(4 * (102336 + 64 + 2 * (5 * 64 + 256) + 2 + 8 * 64));
    expect(dense.multiplyAdds.full.keptEntries).toBe(dense.multiplyAdds.full.allEntries);
  });
});
