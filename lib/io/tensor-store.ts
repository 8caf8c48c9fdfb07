import type { SafetensorsDtype, Shape, TensorData } from './safetensors-dtype.js';

/** What a store knows of a tensor without reading it. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: Shape;
  readonly byteLength: number;
}

/** A tensor as stored. `data` owns its whole, aligned buffer: it may be kept, changed or transferred. */
export interface RawTensor extends TensorInfo {
  readonly data: TensorData;
}

/**
 * Named tensors to read from: one safetensors file, several shards, or memory. Reading is synchronous and positional, so
 * a tensor is read only when asked for and two readers do not disturb each other.
 */
export interface TensorStore {
  /** The file, for messages. */
  readonly source: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the data, so that reading all of them goes through the file once. */
  names(): string[];
  info(name: string): TensorInfo | undefined;
  /** Bits as stored: F16 and BF16 come as Uint16Array, I64 as BigInt64Array, BOOL as Uint8Array. */
  read(name: string): RawTensor;
  /** F64, F32, F16 and BF16 as float32, rounded to nearest; other types are refused with ERR_INVALID_DTYPE. */
  readFloat32(name: string): Float32Array<ArrayBuffer>;
  /** Releases the file; reading afterwards is ERR_DISPOSED. */
  close(): void;
}
