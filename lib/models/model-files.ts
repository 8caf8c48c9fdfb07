import { ModelConfig } from '../io/model-config.js';
import { findModelFiles } from '../io/model-files.js';
import { openSafetensors } from '../io/safetensors.js';
import { WeightScope } from '../io/weight-scope.js';

/** A model directory in Hugging Face form, open for reading. */
export interface OpenModel {
  readonly directory: string;
  readonly config: ModelConfig;
  readonly weights: WeightScope;
  /** The weights file, or the index of a sharded one. */
  readonly weightsFile: string;
  /** Bytes of all tensors. */
  readonly totalBytes: number;
  close(): void;
}

export function openModel(directory: string): OpenModel {
  const files = findModelFiles(directory);
  const config = ModelConfig.read(files.config);
  const store = openSafetensors(files.weights);
  let totalBytes = 0;
  for (const name of store.names()) totalBytes += store.info(name)?.byteLength ?? 0;
  return {
    directory,
    config,
    weights: new WeightScope(store),
    weightsFile: files.weights,
    totalBytes,
    close: () => store.close(),
  };
}
