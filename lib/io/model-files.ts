import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TidemergeError } from '../errors.js';
import { reason, systemCode } from './bounded-file.js';
import { quoteList } from './quote.js';

export interface ModelFiles {
  readonly config: string;
  /** `model.safetensors`, or `model.safetensors.index.json` of a sharded model: `openSafetensors` takes either. */
  readonly weights: string;
}

/** Pickled weights: reading one can run code, so none is read. */
const PICKLE = /^(pytorch_model.*\.bin(\.index\.json)?|.*\.(pth|pt|ckpt|pkl))$/;

/**
 * Finds the published files of a model in a local directory. ERR_MODEL_NOT_FOUND when the directory or one of the files
 * is not there; the message says what was found instead and what to do.
 */
export function findModelFiles(directory: string): ModelFiles {
  const names = list(directory);
  const config = names.includes('config.json') ? join(directory, 'config.json') : undefined;
  // The whole file is preferred: an index beside it is a leftover of another export.
  const weights = ['model.safetensors', 'model.safetensors.index.json'].find((name) => names.includes(name));
  if (config !== undefined && weights !== undefined) return { config, weights: join(directory, weights) };
  if (weights === undefined) throw missing(`${directory}: ${describeMissingWeights(names)}`);
  throw missing(`${directory}: expected config.json beside ${weights}, got ${describeNames(names)}`);
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') throw missing(`${directory}: expected a model directory, got no such directory`, error);
    if (code === 'ENOTDIR') throw missing(`${directory}: expected a model directory, got a file`, error);
    throw new TidemergeError('ERR_FILE_ACCESS', `${directory}: cannot be read: ${reason(error)}`, { cause: error });
  }
}

function describeMissingWeights(names: readonly string[]): string {
  const expected = 'expected model.safetensors or model.safetensors.index.json';
  const pickles = names.filter((name) => PICKLE.test(name));
  if (pickles.length > 0) {
    return `${expected}, got only ${quoteList(pickles, 3)}; pickled weights are never read, because reading one can run code: save the model as safetensors`;
  }
  const others = names.filter((name) => name.endsWith('.safetensors'));
  if (others.length > 0) return `${expected}, got ${quoteList(others, 3)}: rename the one that holds the model`;
  return `${expected}, got ${describeNames(names)}`;
}

function describeNames(names: readonly string[]): string {
  return names.length === 0 ? 'an empty directory' : quoteList(names);
}

function missing(message: string, cause?: unknown): TidemergeError {
  return new TidemergeError('ERR_MODEL_NOT_FOUND', message, cause === undefined ? undefined : { cause });
}
