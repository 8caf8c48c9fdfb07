import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors, type TensorStore } from 'tidemerge/io';
import { type Panels, pack } from './matmul.js';

/** The keys of a published configuration that the baselines read. */
export interface PublishedConfig {
  readonly d_model: number;
  readonly d_kv: number;
  readonly d_ff: number;
  readonly num_heads: number;
  readonly num_layers: number;
  readonly num_decoder_layers: number;
  readonly layer_norm_epsilon: number;
  readonly chronos_config: {
    readonly context_length: number;
    readonly input_patch_size: number;
    readonly prediction_length: number;
    readonly quantiles: readonly number[];
  };
}

/** A model directory as the baselines want it: matrices packed, everything else float32. */
export class BaselineWeights {
  readonly config: PublishedConfig;
  readonly #store: TensorStore;

  constructor(directory: string) {
    this.config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as PublishedConfig;
    this.#store = openSafetensors(join(directory, 'model.safetensors'));
  }

  vector(name: string): Float32Array {
    return this.#store.readFloat32(name);
  }

  /** The rows of several matrices of one width, one below the other. */
  matrix(...names: string[]): Panels {
    const columns = this.#store.info(names[0]!)!.shape[1]!;
    const parts = names.map((name) => this.#store.readFloat32(name));
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return pack(all, all.length / columns, columns);
  }

  close(): void {
    this.#store.close();
  }
}
