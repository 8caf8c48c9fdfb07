import { readFileSync } from 'node:fs';
import { openSafetensors } from '../../lib/io/safetensors.js';

/*
 * HyenaDNA with local merging in double precision: plain loops over one series, written from the papers and sharing
 * nothing with the library but the reader of the file. Published code with merging inside is not to be had.
 */

export type Rows = Float64Array[];

interface Merging {
  /** Tokens removed in a layer of t tokens. */
  readonly r: (tokens: number) => number;
  /** Infinity: global */
  readonly k: number;
}

export interface OracleResult {
  /** [tokens left, dModel] behind the final norm */
  readonly hidden: Rows;
  readonly sizes: readonly number[];
  /** By original token: the row it stands in. */
  readonly map: readonly number[];
  /** [tokens left, vocabulary] and [labels] */
  readonly lm: Rows;
  readonly classes: Float64Array;
  /** Smallest gap of similarity that a decision rested on. */
  readonly margin: number;
}

export class HyenaOracle {
  readonly #tensors = new Map<string, Float64Array>();
  readonly #shift: number;
  readonly #numLayers: number;

  constructor(directory: string) {
    const config = JSON.parse(readFileSync(`${directory}/config.json`, 'utf8'));
    this.#shift = config.layer.shift ?? 0.05;
    this.#numLayers = config.n_layer;
    const store = openSafetensors(`${directory}/model.safetensors`);
    for (const name of store.names()) this.#tensors.set(name, Float64Array.from(store.readFloat32(name)));
    store.close();
  }

  run(ids: ArrayLike<number>, { r, k }: Merging): OracleResult {
    const table = this.#get('backbone.embeddings.word_embeddings.weight');
    const width = this.#get('backbone.ln_f.weight').length;
    let x: Rows = Array.from(ids, (id) => table.slice(id * width, (id + 1) * width));
    let sizes = x.map(() => 1);
    let map = x.map((_, i) => i);
    let margin = Infinity;
    for (let i = 0; i < this.#numLayers; i++) {
      const layer = `backbone.layers.${i}`;
      x = plus(x, this.#mixer(this.#norm(x, `${layer}.norm1`), `${layer}.mixer`));
      const merged = merge(x, sizes, r(x.length), k);
      margin = Math.min(margin, merged.margin);
      map = map.map((place) => merged.map[place] as number);
      ({ x, sizes } = merged);
      const hidden = this.#linear(this.#norm(x, `${layer}.norm2`), `${layer}.mlp.fc1`);
      for (const row of hidden) for (const [c, value] of row.entries()) row[c] = geluTanh(value);
      x = plus(x, this.#linear(hidden, `${layer}.mlp.fc2`));
    }
    const hidden = this.#norm(x, 'backbone.ln_f');
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const mean = new Float64Array(width).map(
      (_, c) => hidden.reduce((s, row, i) => s + row[c]! * sizes[i]!, 0) / total,
    );
    const lm = hidden.map((row) => product(row, table));
    return { hidden, sizes, map, lm, classes: this.#linear([mean], 'head.output_transform')[0]!, margin };
  }

  #get(name: string): Float64Array {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new Error(`no tensor ${name}`);
    return tensor;
  }

  #linear(x: Rows, name: string): Rows {
    const bias = this.#tensors.get(`${name}.bias`);
    return x.map((row) => product(row, this.#get(`${name}.weight`)).map((value, o) => value + (bias?.[o] ?? 0)));
  }

  #norm(x: Rows, name: string): Rows {
    const [weight, bias] = [this.#get(`${name}.weight`), this.#get(`${name}.bias`)];
    return x.map((row) => {
      const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
      return row.map((value, c) => ((value - mean) / Math.sqrt(variance + 1e-5)) * weight[c]! + bias[c]!);
    });
  }

  #mixer(x: Rows, name: string): Rows {
    const width = x[0]!.length;
    const [taps, bias] = [this.#get(`${name}.short_filter.weight`), this.#get(`${name}.short_filter.bias`)];
    const projected = this.#linear(x, `${name}.in_proj`);
    const short = projected.map((row, t) =>
      row.map((_, c) => {
        let sum = bias[c]!;
        for (let lag = 0; lag < 3 && lag <= t; lag++) sum += taps[c * 3 + 2 - lag]! * projected[t - lag]![c]!;
        return sum;
      }),
    );
    const filter = this.#filter(x.length, `${name}.filter_fn`);
    const skip = this.#get(`${name}.filter_fn.bias`);
    const gated = short.map((row) =>
      Float64Array.from({ length: width }, (_, c) => row[2 * width + c]! * row[width + c]!),
    );
    const mixed = gated.map((row, t) =>
      row.map((value, c) => {
        let sum = skip[c]! * value;
        for (let lag = 0; lag <= t; lag++) sum += filter[lag]![c]! * gated[t - lag]![c]!;
        return sum * short[t]![c]!;
      }),
    );
    return this.#linear(mixed, `${name}.out_proj`);
  }

  #filter(length: number, name: string): Rows {
    const [z, times] = [this.#get(`${name}.pos_emb.z`), this.#get(`${name}.pos_emb.t`)];
    const [deltas, frequencies] = [this.#get(`${name}.modulation.deltas`), this.#get(`${name}.implicit_filter.1.freq`)];
    const inputs = z.length / times.length;
    let x: Rows = Array.from({ length }, (_, t) => z.slice(t * inputs, (t + 1) * inputs));
    for (const place of [0, 2, 4]) {
      x = this.#linear(x, `${name}.implicit_filter.${place}`);
      x = x.map((row) => row.map((value, c) => Math.sin(frequencies[c]! * value)));
    }
    return this.#linear(x, `${name}.implicit_filter.6`).map((row, t) =>
      row.map((value, c) => value * (Math.exp(-times[t]! * Math.abs(deltas[c]!)) + this.#shift)),
    );
  }
}

export function product(row: Float64Array, matrix: Float64Array): Float64Array {
  return new Float64Array(matrix.length / row.length).map((_, o) =>
    row.reduce((sum, value, i) => sum + value * matrix[o * row.length + i]!, 0),
  );
}

export function plus(a: Rows, b: Rows): Rows {
  return a.map((row, t) => row.map((value, c) => value + b[t]![c]!));
}

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** Every A token (even place) to its most similar B token within k pairs; the r most similar of these merge. */
export function merge(x: Rows, sizes: readonly number[], r: number, k: number) {
  const pairs = Math.floor(x.length / 2);
  let margin = Infinity;
  const links = Array.from({ length: pairs }, (_, a) => {
    const near = Array.from({ length: pairs }, (_, b) => b).filter((b) => Math.abs(a - b) < k);
    const ranked = near
      .map((b) => ({ a, b, similarity: cosine(x[2 * a]!, x[2 * b + 1]!) }))
      .sort((one, other) => other.similarity - one.similarity);
    if (ranked.length > 1) margin = Math.min(margin, ranked[0]!.similarity - ranked[1]!.similarity);
    return ranked[0]!;
  }).sort((one, other) => other.similarity - one.similarity);
  const count = Math.min(r, pairs);
  if (count > 0 && count < pairs) {
    margin = Math.min(margin, links[count - 1]!.similarity - links[count]!.similarity);
  }
  const target = x.map((_, place) => place);
  for (const { a, b } of links.slice(0, count)) target[2 * a] = 2 * b + 1;
  const kept = target.flatMap((to, place) => (to === place ? [place] : []));
  const members = kept.map((place) => target.flatMap((to, from) => (to === place ? [from] : [])));
  const merged = members.map((group) => group.reduce((sum, from) => sum + sizes[from]!, 0));
  return {
    x: members.map((group, row) =>
      x[0]!.map((_, c) => group.reduce((sum, from) => sum + sizes[from]! * x[from]![c]!, 0) / merged[row]!),
    ),
    sizes: merged,
    map: target.map((place) => kept.indexOf(place)),
    margin,
  };
}

function cosine(a: Float64Array, b: Float64Array): number {
  const dot = (p: Float64Array, q: Float64Array) => p.reduce((sum, value, i) => sum + value * q[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
