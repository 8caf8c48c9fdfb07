import { fixture, readGoldenFile } from '../../models/goldens.js';

export const ANOMALY = fixture('sbt', 'models', 'anomaly_small');
export const CLASSES = fixture('sbt', 'models', 'cls_small');
export const FORECAST = fixture('sbt', 'models', 'forecast_small');

/** Window b of a golden as a series of its own. */
export function windowOf(directory: string, b: number, steps = 50): { data: Float32Array; shape: [number, number] } {
  const { data, shape } = readGoldenFile(`${directory}/cases.safetensors`).floats('x');
  const [, w, m] = shape as [number, number, number];
  return { data: data.slice(b * w * m, (b * w + steps) * m), shape: [steps, m] };
}
