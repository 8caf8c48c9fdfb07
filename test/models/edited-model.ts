import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensors, type TensorToWrite, writeSafetensors } from '../../lib/io/safetensors.js';

// biome-ignore lint/suspicious/noExplicitAny: a configuration is whatever a test makes of it
type Config = any;

export interface Edits {
  readonly config?: (config: Config) => void;
  readonly weights?: (tensors: TensorToWrite[]) => TensorToWrite[];
}

/** A copy of a model directory with changes, gone after `use`. */
export async function withEditedModel<T>(
  source: string,
  edits: Edits,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemerge-model-'));
  try {
    const config = JSON.parse(readFileSync(join(source, 'config.json'), 'utf8'));
    edits.config?.(config);
    writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
    const tensors = readTensors(join(source, 'model.safetensors'));
    writeSafetensors(join(directory, 'model.safetensors'), edits.weights?.(tensors) ?? tensors);
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function readTensors(path: string): TensorToWrite[] {
  const store = openSafetensors(path);
  const tensors = store.names().map((name) => store.read(name));
  store.close();
  return tensors;
}
