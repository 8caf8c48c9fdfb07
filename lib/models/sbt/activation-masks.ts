import type { TensorToWrite } from '../../io/safetensors-writer.js';
import type { WeightScope } from '../../io/weight-scope.js';
import type { SbtConfig } from './config.js';
import type { FormatFields } from './format.js';
import { badTensor, bytesOf } from './model-checks.js';
import type { SbtActivationMasks } from './weights.js';

const TENSOR = 'activation_masks';
const PARTS = ['query', 'key', 'value'] as const;

export interface PackedMasks {
  readonly layout: FormatFields['sbt.activation_masks'];
  readonly tensor?: TensorToWrite;
}

/**
 * The fixed masks as [sets, 3, bytes]: one set if all layers share it, one a layer otherwise; a bit per channel if every
 * step has the same channels, a bit per step and channel otherwise.
 */
export function packActivationMasks(config: SbtConfig, layers: readonly SbtActivationMasks[]): PackedMasks {
  if (layers.length === 0) return { layout: 'none' };
  const all = layers.map((masks) => PARTS.map((part) => masks[part]));
  const shared = all.every((set) => set.every((bits, part) => Buffer.from(bits).equals(all[0]![part]!)));
  let sets = (shared ? all.slice(0, 1) : all).flat();
  const byChannel = sets.every((bits) => hasChannels(config, bits));
  if (byChannel) sets = sets.map((bits) => firstStep(config, bits));
  const bytes = byteCount(config, byChannel ? 'channels' : 'positions');
  const data = new Uint8Array(sets.length * bytes);
  for (const [i, bits] of sets.entries()) data.set(bits, i * bytes);
  const shape = [sets.length / PARTS.length, PARTS.length, bytes];
  return { layout: byChannel ? 'channels' : 'positions', tensor: { name: TENSOR, dtype: 'U8', shape, data } };
}

/** The masks of every layer; undefined where the file has none. */
export function readActivationMasks(
  config: SbtConfig,
  scope: WeightScope,
  layout: FormatFields['sbt.activation_masks'],
): readonly SbtActivationMasks[] | undefined {
  if (layout === 'none') return undefined;
  const { numLayers, dModel, windowLength } = config;
  const bytes = byteCount(config, layout);
  const sets = scope.info(TENSOR)?.shape[0] === 1 ? 1 : numLayers;
  const data = bytesOf(scope, scope.take(TENSOR, [sets, PARTS.length, bytes]));
  const bits = layout === 'channels' ? dModel : windowLength * dModel;
  const masks = Array.from({ length: sets * PARTS.length }, (_, i) => {
    const mask = data.slice(i * bytes, (i + 1) * bytes);
    if (bits % 8 !== 0 && mask[bytes - 1]! >> (bits % 8) !== 0) {
      const where = `layers.${Math.floor(i / PARTS.length)}.${PARTS[i % PARTS.length]}`;
      throw badTensor(scope, TENSOR, `${where}: expected zeros behind bit ${bits}, got ones`);
    }
    return layout === 'channels' ? everyStep(config, mask) : mask;
  });
  return Array.from({ length: numLayers }, (_, layer) => {
    const set = (sets === 1 ? 0 : layer) * PARTS.length;
    return { query: masks[set]!, key: masks[set + 1]!, value: masks[set + 2]! };
  });
}

function byteCount({ windowLength, dModel }: SbtConfig, layout: 'channels' | 'positions'): number {
  return Math.ceil((layout === 'channels' ? dModel : windowLength * dModel) / 8);
}

function hasChannels({ windowLength, dModel }: SbtConfig, bits: Uint8Array): boolean {
  for (let i = dModel; i < windowLength * dModel; i++) if (bit(bits, i) !== bit(bits, i % dModel)) return false;
  return true;
}

function firstStep({ dModel }: SbtConfig, bits: Uint8Array): Uint8Array {
  const channels = new Uint8Array(Math.ceil(dModel / 8));
  for (let c = 0; c < dModel; c++) channels[c >> 3]! |= bit(bits, c) << (c & 7);
  return channels;
}

function everyStep({ windowLength, dModel }: SbtConfig, channels: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil((windowLength * dModel) / 8));
  for (let i = 0; i < windowLength * dModel; i++) bits[i >> 3]! |= bit(channels, i % dModel) << (i & 7);
  return bits;
}

function bit(bits: Uint8Array, i: number): number {
  return (bits[i >> 3]! >> (i & 7)) & 1;
}
