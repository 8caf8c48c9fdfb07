import { readFileSync } from 'node:fs';
import { openSafetensors } from '../../lib/io/safetensors.js';
import { merge, plus, product, type Rows } from './hyena-oracle.js';

/*
 * Blocks of Mamba with merging behind them, in double precision: plain loops over one series, written from the paper and
 * sharing nothing with the library but the reader of the file.
 */

export interface OracleRows {
  /** [tokens left, hidden] behind the final norm */
  readonly hidden: Rows;
  readonly sizes: readonly number[];
  /** By original token: the row it stands in. */
  readonly map: readonly number[];
  /** Smallest gap of similarity that a decision rested on. */
  readonly margin: number;
}

export class MambaOracle {
  // biome-ignore lint/suspicious/noExplicitAny: a configuration is what its reader makes of it
  readonly config: any;
  readonly #tensors = new Map<string, Float64Array>();

  constructor(directory: string) {
    this.config = JSON.parse(readFileSync(`${directory}/config.json`, 'utf8'));
    const store = openSafetensors(`${directory}/model.safetensors`);
    for (const name of store.names()) this.#tensors.set(name, Float64Array.from(store.readFloat32(name)));
    store.close();
  }

  get(name: string): Float64Array {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new Error(`no tensor ${name}`);
    return tensor;
  }

  /** `r` tokens merge behind every block, those within `k` pairs of each other. */
  run(tokens: Rows, r: (tokens: number) => number = () => 0, k = 1): OracleRows {
    let x = tokens;
    let sizes = x.map(() => 1);
    let map = x.map((_, i) => i);
    let margin = Infinity;
    for (let i = 0; i < this.config.num_hidden_layers; i++) {
      const layer = `backbone.layers.${i}`;
      x = plus(x, this.#mixer(this.#norm(x, `${layer}.norm.weight`), `${layer}.mixer`));
      const merged = merge(x, sizes, r(x.length), k);
      if (r(x.length) > 0) margin = Math.min(margin, merged.margin);
      map = map.map((place) => merged.map[place] as number);
      ({ x, sizes } = merged);
    }
    return { hidden: this.#norm(x, 'backbone.norm_f.weight'), sizes, map, margin };
  }

  linear(x: Rows, name: string): Rows {
    const bias = this.#tensors.get(`${name}.bias`);
    return x.map((row) => product(row, this.get(`${name}.weight`)).map((value, o) => value + (bias?.[o] ?? 0)));
  }

  #norm(x: Rows, name: string): Rows {
    const weight = this.get(name);
    const epsilon = this.config.layer_norm_epsilon ?? 1e-5;
    return x.map((row) => {
      const square = row.reduce((sum, value) => sum + value * value, 0) / row.length;
      return row.map((value, c) => (value / Math.sqrt(square + epsilon)) * weight[c]!);
    });
  }

  #mixer(x: Rows, name: string): Rows {
    const skip = this.get(`${name}.D`);
    const inner = skip.length;
    const states = this.get(`${name}.A_log`).length / inner;
    const decay = this.get(`${name}.A_log`).map((value) => -Math.exp(value));
    const projected = this.linear(x, `${name}.in_proj`);
    const u = this.#convolve(
      projected.map((row) => row.slice(0, inner)),
      `${name}.conv1d`,
    );
    const parameters = this.linear(u, `${name}.x_proj`);
    const rank = parameters[0]!.length - 2 * states;
    const steps = this.linear(
      parameters.map((row) => row.slice(0, rank)),
      `${name}.dt_proj`,
    ).map((row) => row.map((value) => Math.log1p(Math.exp(value))));
    const state = new Float64Array(inner * states);
    const mixed = u.map((row, t) =>
      row.map((value, c) => {
        const delta = steps[t]![c]!;
        let y = skip[c]! * value;
        for (let n = 0; n < states; n++) {
          const at = c * states + n;
          state[at] = Math.exp(delta * decay[at]!) * state[at]! + delta * parameters[t]![rank + n]! * value;
          y += parameters[t]![rank + states + n]! * state[at]!;
        }
        return y * silu(projected[t]![inner + c]!);
      }),
    );
    return this.linear(mixed, `${name}.out_proj`);
  }

  #convolve(x: Rows, name: string): Rows {
    const taps = this.get(`${name}.weight`);
    const bias = this.#tensors.get(`${name}.bias`);
    const width = taps.length / x[0]!.length;
    return x.map((row, t) =>
      row.map((_, c) => {
        let sum = bias?.[c] ?? 0;
        for (let lag = 0; lag < width && lag <= t; lag++) sum += taps[(c + 1) * width - 1 - lag]! * x[t - lag]![c]!;
        return silu(sum);
      }),
    );
  }
}

function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}
