import { describe, expect, it } from 'vitest';
import { ModelConfig } from '../../../../lib/io/index.js';
import { readSbtConfig, sbtConfigObject } from '../../../../lib/models/sbt/read-config.js';
import { DENSE, FORECAST, SPARSE } from './synthetic.js';

const read = (object: object) => readSbtConfig(ModelConfig.parse(JSON.stringify(object)));
const sizes = { model_type: 'sparse_binary_transformer', num_variables: 38, window_length: 200, d_model: 76 };

describe('readSbtConfig', () => {
  it('reads what is written', () => {
    const threshold = { value: 0.5, level: 0.99 };
    for (const config of [{ ...SPARSE, labels: ['a', 'b', 'c', 'd'] }, FORECAST, { ...DENSE, threshold }]) {
      expect(read(sbtConfigObject(config))).toEqual(config);
    }
  });

  it('has the defaults of the paper', () => {
    const common = { numLayers: 2, numHeads: 2, feedForwardSize: 256, normEpsilon: 1e-5 };
    const defaults = (task: string, more: object = {}) => read({ ...sizes, task, ...more });
    expect(defaults('anomaly-detection')).toMatchObject({
      ...common,
      ...{ outputSize: 38, keepRatio: 0.25, attention: 'step-t', norm: 'none', positionCode: 'sinusoidal' },
    });
    expect(defaults('forecasting')).toMatchObject({ keepRatio: 0.5, attention: 'step-t', norm: 'time' });
    const classes = { output_size: 9 };
    expect(defaults('classification', classes)).toMatchObject({ keepRatio: 0.5, attention: 'full', norm: 'batch' });
    const dense = { ...classes, weights: 'dense' };
    expect(defaults('classification', dense)).toMatchObject({ keepRatio: 1, norm: 'batch', positionCode: 'table' });
    expect(defaults('anomaly-detection', { weights: 'dense' })).toMatchObject({ attention: 'full', norm: 'time' });
  });

  const anomaly = { ...sizes, task: 'anomaly-detection' };
  const classification = { ...sizes, task: 'classification', output_size: 2 };
  it.each([
    [{ ...anomaly, model_type: 't5' }, /model_type: expected/],
    [{ ...anomaly, task: 'detection' }, /task: expected one of/],
    [{ ...anomaly, d_model: 75 }, /num_heads: expected a divisor of d_model 75/],
    [{ ...anomaly, d_model: 75, num_heads: 3 }, /d_model: expected an even number, for sinusoids, got 75/],
    [{ ...anomaly, window_length: 2 ** 20, d_model: 2 ** 10 }, /window_length: expected .* at most 2\^28/],
    [{ ...anomaly, window_length: 1 }, /window_length: expected an integer >= 2 for step-t/],
    [{ ...anomaly, output_size: 2 }, /output_size: expected num_variables 38/],
    [{ ...anomaly, keep_ratio: 0 }, /keep_ratio: expected a number above 0/],
    [{ ...anomaly, keep_ratio: 0.5, weights: 'dense' }, /keep_ratio: expected 1 for dense weights, got 0.5/],
    [{ ...anomaly, weights: 'int8' }, /weights: expected one of/],
    [{ ...anomaly, labels: ['a'] }, /labels: expected none for anomaly-detection/],
    [{ ...anomaly, threshold: { value: -1, level: 0.5 } }, /threshold.value: expected a finite number >= 0/],
    [{ ...anomaly, threshold: { value: 1, level: 2 } }, /threshold.level: expected/],
    [{ ...classification, output_size: undefined }, /output_size: expected an integer/],
    [{ ...classification, attention: 'step-t' }, /attention: expected "full" for classification/],
    [{ ...classification, labels: ['a', 'b', 'c'] }, /labels: expected 2 names/],
    [{ ...classification, labels: ['a', 'a'] }, /labels: expected names that differ/],
    [{ ...classification, threshold: { value: 1, level: 0.5 } }, /threshold: expected none for classification/],
    [{ ...classification, norm_epsilon: 0 }, /norm_epsilon: expected a number above 0/],
  ])('refuses %j', (object, message) => {
    expect(() => read(object)).toThrow(expect.objectContaining({ code: 'ERR_BAD_MODEL' }));
    expect(() => read(object)).toThrow(message);
  });
});
