import { dirname, join } from 'node:path';
import { TidemergeError } from '../errors.js';
import { readBoundedText } from './bounded-file.js';
import { quote, show } from './quote.js';
import { badSafetensors } from './safetensors-header.js';
import { noSuchTensor, SafetensorsFile } from './safetensors-reader.js';
import { parseStrictJson } from './strict-json.js';
import type { RawTensor, TensorInfo, TensorStore } from './tensor-store.js';

export const MAX_INDEX_BYTES = 64 * 2 ** 20;
/** Every shard keeps a file open; systems commonly allow 1024 of them. */
export const MAX_SHARDS = 512;

/** Opens `model.safetensors`, or all shards of `model.safetensors.index.json`. */
export function openSafetensors(path: string): TensorStore {
  return path.endsWith('.json') ? ShardedSafetensors.open(path) : SafetensorsFile.open(path);
}

/**
 * The tensors of several files, as listed by an index {weight_map: {tensor name: file name}}. A file name must stay in
 * the directory of the index (a symbolic link there may point elsewhere: model caches are built of them). The index
 * decides: tensors of a shard that it does not list do not exist, and a listed tensor must be in its shard.
 */
export class ShardedSafetensors implements TensorStore {
  readonly source: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly #homes: ReadonlyMap<string, SafetensorsFile>;
  readonly #shards: readonly SafetensorsFile[];

  private constructor(source: string, homes: ReadonlyMap<string, SafetensorsFile>, shards: readonly SafetensorsFile[]) {
    this.source = source;
    this.#homes = homes;
    this.#shards = shards;
    // The first shard wins where two disagree.
    this.metadata = new Map([...shards].reverse().flatMap((shard) => [...shard.metadata]));
  }

  static open(path: string): ShardedSafetensors {
    const weightMap = readWeightMap(path);
    const shards = new Map<string, SafetensorsFile>();
    const homes = new Map<string, SafetensorsFile>();
    try {
      for (const [tensor, file] of weightMap) {
        let shard = shards.get(file);
        if (shard === undefined) {
          if (shards.size === MAX_SHARDS)
            throw badSafetensors(path, `weight_map: expected at most ${MAX_SHARDS} files`);
          shard = openShard(path, file);
          shards.set(file, shard);
        }
        if (shard.info(tensor) === undefined) {
          throw badSafetensors(path, `weight_map: tensor ${quote(tensor)}: expected in ${quote(file)}, got none there`);
        }
        homes.set(tensor, shard);
      }
    } catch (error) {
      for (const shard of shards.values()) shard.close();
      throw error;
    }
    return new ShardedSafetensors(path, homes, [...shards.values()]);
  }

  names(): string[] {
    return this.#shards.flatMap((shard) => shard.names().filter((name) => this.#homes.get(name) === shard));
  }

  info(name: string): TensorInfo | undefined {
    return this.#homes.get(name)?.info(name);
  }

  read(name: string): RawTensor {
    return this.#home(name).read(name);
  }

  readFloat32(name: string): Float32Array<ArrayBuffer> {
    return this.#home(name).readFloat32(name);
  }

  close(): void {
    for (const shard of this.#shards) shard.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #home(name: string): SafetensorsFile {
    const home = this.#homes.get(name);
    if (home === undefined) throw noSuchTensor(this, name);
    return home;
  }
}

function readWeightMap(path: string): Map<string, string> {
  const text = readBoundedText(path, MAX_INDEX_BYTES, 'ERR_BAD_SAFETENSORS', 'ERR_MODEL_NOT_FOUND');
  const root = parseStrictJson(text, { who: path, code: 'ERR_BAD_SAFETENSORS' });
  const listed = root instanceof Map ? root.get('weight_map') : undefined;
  if (!(listed instanceof Map)) throw badSafetensors(path, `weight_map: expected an object, got ${show(listed)}`);
  const weightMap = new Map<string, string>();
  for (const [tensor, file] of listed) {
    if (typeof file !== 'string' || !isPlainFileName(file)) {
      throw badSafetensors(
        path,
        `weight_map: tensor ${quote(tensor)}: expected the name of a .safetensors file in the same directory, got ${show(file)}`,
      );
    }
    weightMap.set(tensor, file);
  }
  return weightMap;
}

/** No directory part at all: neither '/', '\' nor a drive letter, in any spelling. */
function isPlainFileName(file: string): boolean {
  return file.length <= 255 && /^[^/\\:\0]+\.safetensors$/.test(file);
}

function openShard(index: string, file: string): SafetensorsFile {
  try {
    return SafetensorsFile.open(join(dirname(index), file));
  } catch (error) {
    if (!(error instanceof TidemergeError) || error.code !== 'ERR_MODEL_NOT_FOUND') throw error;
    throw new TidemergeError(
      'ERR_MODEL_NOT_FOUND',
      `${index}: weight_map: expected the shard ${quote(file)} beside it, got no such file`,
      { cause: error },
    );
  }
}
