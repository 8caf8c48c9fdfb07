import type { HyenaFilterConfig } from './config.js';
import type { FilterLayer, HyenaFilterWeights } from './filter-weights.js';

/** Positions evaluated together; a multiple of the four that share a load of every weight. */
const BLOCK = 64;
/** Blocks between two looks at the event loop. */
const BLOCKS_PER_TURN = 16;

/**
 * The implicit filter of one block (Poli et al. 2023, "Hyena Hierarchy", section 3.3) at the positions 0 to length - 1:
 * h(t) = (W₃ · sin(f · (W₂ · sin(f · (W₁ · z(t) + b₁)) + b₂)) …) · (exp(-t |delta|) + shift)
 *
 * → float32 [length, channels], summed in double precision. A position's row does not depend on `length`: the filter of a
 * shorter sequence is the beginning of a longer one's. Leaves the thread to others now and then.
 */
export async function evaluateFilter(
  weights: HyenaFilterWeights,
  { embDim, modulation }: Pick<HyenaFilterConfig, 'embDim' | 'modulation'>,
  length: number,
  signal?: AbortSignal | undefined,
): Promise<Float32Array> {
  const { positions, times, frequencies, decays } = weights;
  const layers = weights.layers.map(inDouble);
  const channels = decays.length;
  const out = new Float32Array(length * channels);
  const widest = Math.max(embDim, ...layers.map(({ outputs }) => outputs));
  let [x, y] = [new Float64Array(BLOCK * widest), new Float64Array(BLOCK * widest)];
  for (let from = 0, blocks = 1; from < length; from += BLOCK, blocks++) {
    const count = Math.min(BLOCK, length - from);
    x.set(positions.subarray(from * embDim, (from + count) * embDim));
    for (const [i, layer] of layers.entries()) {
      dense(x, layer, y);
      if (i < layers.length - 1) sines(y, frequencies, BLOCK * layer.outputs);
      [x, y] = [y, x];
    }
    for (let p = 0; p < count; p++) {
      const time = times[from + p] as number;
      for (let c = 0; c < channels; c++) {
        const window = modulation ? Math.exp(-time * Math.abs(decays[c] as number)) + modulation.shift : 1;
        out[(from + p) * channels + c] = x[p * channels + c]! * window;
      }
    }
    if (blocks % BLOCKS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }
  return out;
}

interface DoubleLayer extends Pick<FilterLayer, 'inputs' | 'outputs'> {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

function inDouble({ weight, bias, inputs, outputs }: FilterLayer): DoubleLayer {
  return {
    weight: Float64Array.from(weight),
    bias: Float64Array.from(bias ?? new Float32Array(outputs)),
    inputs,
    outputs,
  };
}

/** y = x · weightᵀ + bias for BLOCK rows. */
function dense(x: Float64Array, { weight, bias, inputs, outputs }: DoubleLayer, y: Float64Array): void {
  for (let p = 0; p < BLOCK; p += 4) {
    const [x0, x1, x2, x3] = [p * inputs, (p + 1) * inputs, (p + 2) * inputs, (p + 3) * inputs];
    for (let o = 0; o < outputs; o++) {
      let s0 = bias[o]!;
      let [s1, s2, s3] = [s0, s0, s0];
      const row = o * inputs;
      for (let i = 0; i < inputs; i++) {
        const w = weight[row + i]!;
        s0 += w * x[x0 + i]!;
        s1 += w * x[x1 + i]!;
        s2 += w * x[x2 + i]!;
        s3 += w * x[x3 + i]!;
      }
      y[p * outputs + o] = s0;
      y[(p + 1) * outputs + o] = s1;
      y[(p + 2) * outputs + o] = s2;
      y[(p + 3) * outputs + o] = s3;
    }
  }
}

function sines(x: Float64Array, frequencies: Float32Array, count: number): void {
  const order = frequencies.length;
  for (let i = 0; i < count; i++) x[i] = Math.sin(frequencies[i % order]! * x[i]!);
}
