export type { SafetensorsDtype, Shape, TensorData } from './safetensors-dtype.js';
export { elementBytes, isSafetensorsDtype, SAFETENSORS_DTYPES } from './safetensors-dtype.js';
export { openSafetensors, ShardedSafetensors } from './safetensors-index.js';
export { SafetensorsFile, toFloat32 } from './safetensors-reader.js';
export type { Metadata, TensorToWrite } from './safetensors-writer.js';
export { serializeSafetensors, writeSafetensors } from './safetensors-writer.js';
export type { RawTensor, TensorInfo, TensorStore } from './tensor-store.js';
