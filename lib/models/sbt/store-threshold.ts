import { TidemergeError } from '../../errors.js';
import { writeFileAtomic } from '../../io/atomic-file.js';
import { readBoundedText } from '../../io/bounded-file.js';
import { MAX_CONFIG_BYTES, ModelConfig } from '../../io/model-config.js';
import { findModelFiles } from '../../io/model-files.js';
import type { SbtConfig } from './config.js';
import { readSbtConfig, SBT_MODEL_TYPE } from './read-config.js';

/**
 * Puts a calibrated threshold into config.json of a model's folder and leaves the rest of it as it is. ERR_UNSUPPORTED for
 * a training checkpoint, whose configuration has no place for it; ERR_FILE_ACCESS, and the errors of loading.
 */
export function storeThreshold(directory: string, threshold: NonNullable<SbtConfig['threshold']>): void {
  const path = findModelFiles(directory).config;
  const file = ModelConfig.read(path);
  if (!file.has('model_type')) {
    const message = `${path}: model_type: expected "${SBT_MODEL_TYPE}", got none: a training checkpoint stores no threshold, convert it first`;
    throw new TidemergeError('ERR_UNSUPPORTED', message);
  }
  readSbtConfig(file);
  const text = readBoundedText(path, MAX_CONFIG_BYTES, 'ERR_BAD_MODEL', 'ERR_MODEL_NOT_FOUND');
  const object = { ...JSON.parse(text), threshold };
  writeFileAtomic(path, [new TextEncoder().encode(`${JSON.stringify(object, null, 2)}\n`)]);
}
