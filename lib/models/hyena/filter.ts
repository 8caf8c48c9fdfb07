import type { Backend } from '../../backend/backend.js';
import { matrix } from '../../tensor/tensor.js';
import type { HyenaFilterConfig } from './config.js';
import type { HyenaFilterWeights } from './filter-weights.js';

/** Positions evaluated between two looks at the event loop. */
const CHUNK = 1024;

/**
 * The implicit filter of one block (Poli et al. 2023, "Hyena Hierarchy", section 3.3) at the positions 0 to length - 1:
 * h(t) = (W₃ · sin(f · (W₂ · sin(f · (W₁ · z(t) + b₁)) + b₂)) …) · (exp(-t |delta|) + shift)
 *
 * → float32 [length, channels]. Products are the backend's, sines and exponentials are of double precision. A position's
 * row does not depend on `length`: the filter of a shorter sequence is the beginning of a longer one's.
 */
export async function evaluateFilter(
  backend: Pick<Backend, 'call'>,
  weights: HyenaFilterWeights,
  { embDim, modulation }: Pick<HyenaFilterConfig, 'embDim' | 'modulation'>,
  length: number,
  signal?: AbortSignal | undefined,
): Promise<Float32Array> {
  const channels = weights.decays.length;
  const out = new Float32Array(length * channels);
  for (let from = 0; from < length; from += CHUNK) {
    if (from > 0) await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    const to = Math.min(length, from + CHUNK);
    const rows = network(backend, weights, weights.positions.subarray(from * embDim, to * embDim));
    if (modulation) decay(rows, weights.times.subarray(from, to), weights.decays, modulation.shift);
    out.set(rows, from * channels);
  }
  return out;
}

/** z [positions, embDim] → [positions, channels] */
function network(
  backend: Pick<Backend, 'call'>,
  { layers, frequencies }: HyenaFilterWeights,
  positions: Float32Array,
): Float32Array {
  let x = positions;
  for (const [i, { weight, bias, inputs }] of layers.entries()) {
    const given = [matrix(x, inputs), matrix(weight, inputs), bias ? matrix(bias) : null, null];
    const [y] = backend.call('linear', given, { activation: 'none' });
    x = y!.data as Float32Array;
    if (i < layers.length - 1) sines(x, frequencies);
  }
  return x;
}

function sines(x: Float32Array, frequencies: Float32Array): void {
  const order = frequencies.length;
  for (let row = 0; row < x.length; row += order) {
    for (let c = 0; c < order; c++) x[row + c] = Math.sin(frequencies[c]! * x[row + c]!);
  }
}

function decay(x: Float32Array, times: Float32Array, decays: Float32Array, shift: number): void {
  const channels = decays.length;
  for (const [t, time] of times.entries()) {
    for (let c = 0; c < channels; c++) {
      x[t * channels + c]! *= Math.exp(-time * Math.abs(decays[c]!)) + shift;
    }
  }
}
