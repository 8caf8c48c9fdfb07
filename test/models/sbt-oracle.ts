import type { SbtConfig } from '../../lib/models/sbt/config.js';
import type { SbtLinear, SbtNorm, SbtWeights } from '../../lib/models/sbt/weights.js';
import { denseFromSparseBinary } from '../../lib/tensor/sparse-binary.js';

/*
 * A sparse binary transformer as it is written down: every step of a window asks every other one, a mask of 0 and
 * -infinity says which it sees, and everything is double precision.
 */

type Matrix = number[][];

/** The decoder's output at every step (classification: the mean over them), of one window [steps][variables]. */
export function sbtOracle(config: SbtConfig, weights: SbtWeights, window: Matrix): Matrix {
  const { dModel, task } = config;
  const standard = window.map((sample) => sample.map((x, v) => standardized(weights, x, v)));
  let h = apply(standard, weights.embedding).map((row, t) =>
    row.map((x, c) => x * Math.sqrt(dModel) + place(config, weights, t, c)),
  );
  for (const layer of weights.layers) {
    const part = (name: 'query' | 'key' | 'value') =>
      apply(h, layer[name]).map((row, t) =>
        row.map((x, c) => (layer.activationMasks && bit(layer.activationMasks[name], t * dModel + c) ? 0 : x)),
      );
    const attended = attention(config, part('query'), part('key'), part('value'));
    h = normalised(config, added(h, apply(attended, layer.output)), layer.norms?.[0]);
    const hidden = apply(h, layer.expand).map((row) => row.map(relu));
    h = normalised(config, added(h, apply(hidden, layer.contract)), layer.norms?.[1]);
  }
  const decoded = apply(
    h.map((row) => row.map(relu)),
    weights.decoder,
  );
  if (task !== 'classification') return decoded;
  return [decoded[0]!.map((_, c) => decoded.reduce((sum, row) => sum + row[c]!, 0) / decoded.length)];
}

function standardized({ standardization }: SbtWeights, x: number, v: number): number {
  return standardization ? (x - standardization.mean[v]!) / standardization.scale[v]! : x;
}

function place({ positionCode, dModel }: SbtConfig, { positions }: SbtWeights, t: number, c: number): number {
  if (positionCode === 'none') return 0;
  if (positionCode === 'table') return positions![t * dModel + c]!;
  const angle = t / 10000 ** ((2 * Math.floor(c / 2)) / dModel);
  return c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
}

function apply(x: Matrix, { weight, bias }: SbtLinear): Matrix {
  const dense = weight.kind === 'dense' ? weight.data : denseFromSparseBinary(weight.matrix);
  const [out, inner] = weight.kind === 'dense' ? weight.shape : weight.matrix.shape;
  return x.map((row) =>
    Array.from({ length: out }, (_, o) =>
      row.reduce((sum, value, i) => sum + value * dense[o * inner + i]!, bias?.[o] ?? 0),
    ),
  );
}

function attention({ numHeads, dModel, attention: kind }: SbtConfig, q: Matrix, k: Matrix, v: Matrix): Matrix {
  const size = dModel / numHeads;
  const last = q.length - 1;
  const hidden = (i: number, j: number) => kind === 'step-t' && (i === last ? j === last : j !== i);
  return q.map((query, i) =>
    Array.from({ length: dModel }, (_, c) => {
      const head = Math.floor(c / size) * size;
      const logits = k.map((key, j) => {
        let dot = 0;
        for (let d = head; d < head + size; d++) dot += query[d]! * key[d]!;
        return dot / Math.sqrt(size) + (hidden(i, j) ? -Infinity : 0);
      });
      const largest = Math.max(...logits);
      const shares = logits.map((logit) => Math.exp(logit - largest));
      const total = shares.reduce((a, b) => a + b, 0);
      return shares.reduce((sum, share, j) => sum + (share / total) * v[j]![c]!, 0);
    }),
  );
}

function normalised({ norm, normEpsilon }: SbtConfig, x: Matrix, parameters: SbtNorm | undefined): Matrix {
  if (norm === 'none') return x;
  const { scale, shift } = parameters!;
  if (norm === 'batch') return x.map((row) => row.map((value, c) => value * scale[c]! + shift[c]!));
  const columns = x[0]!.map((_, c) => {
    const column = x.map((row) => row[c]!);
    const mean = column.reduce((a, b) => a + b, 0) / column.length;
    const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length;
    return column.map((value, t) => ((value - mean) / Math.sqrt(variance + normEpsilon)) * scale[t]! + shift[t]!);
  });
  return x.map((_, t) => columns.map((column) => column[t]!));
}

function added(a: Matrix, b: Matrix): Matrix {
  return a.map((row, t) => row.map((x, c) => x + b[t]![c]!));
}

function relu(x: number): number {
  return Math.max(0, x);
}

function bit(bytes: Uint8Array, i: number): boolean {
  return ((bytes[i >> 3]! >> (i & 7)) & 1) === 1;
}

/** Rows [steps][variables] of flat data. */
export function rowsOf(data: ArrayLike<number>, from: number, steps: number, variables: number): Matrix {
  return Array.from({ length: steps }, (_, t) =>
    Array.from({ length: variables }, (_, v) => data[(from + t) * variables + v]!),
  );
}
