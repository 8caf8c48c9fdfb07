import {
  describe,
  type Global,
  isKind,
  MARK,
  PickleMachine,
  type TorchStorage,
  type TorchTensor,
  type TorchValue,
} from './pickle-machine.js';
import { quote } from './quote.js';
import type { SafetensorsDtype } from './safetensors-dtype.js';

/*
 * The pickle of a PyTorch checkpoint, read as data. A pickle is a program for a stack machine that may call any function
 * by name; this machine knows the opcodes that checkpoints of tensors consist of and the few names below, calls
 * nothing, and refuses everything else by name. Every opcode makes at most one value, so the length bounds the memory.
 */

const STORAGES: ReadonlyMap<string, SafetensorsDtype> = new Map([
  ['torch.DoubleStorage', 'F64'],
  ['torch.FloatStorage', 'F32'],
  ['torch.HalfStorage', 'F16'],
  ['torch.BFloat16Storage', 'BF16'],
  ['torch.LongStorage', 'I64'],
  ['torch.IntStorage', 'I32'],
  ['torch.ShortStorage', 'I16'],
  ['torch.CharStorage', 'I8'],
  ['torch.ByteStorage', 'U8'],
  ['torch.BoolStorage', 'BOOL'],
]);
const DICT = 'collections.OrderedDict';
const TENSOR = 'torch._utils._rebuild_tensor_v2';
const PARAMETER = 'torch._utils._rebuild_parameter';
const GLOBALS: ReadonlySet<string> = new Set([DICT, TENSOR, PARAMETER, ...STORAGES.keys()]);

const MAX_DIMENSIONS = 8;

/** The value a checkpoint's data.pkl describes. ERR_BAD_MODEL for what is not understood or not allowed. */
export function readTorchPickle(file: string, bytes: Uint8Array): TorchValue {
  return new PickleMachine(file, bytes).run(OPCODES);
}

const pushed = (value: (machine: PickleMachine) => TorchValue) => (machine: PickleMachine) =>
  machine.push(value(machine));

/** Protocol 2, in which PyTorch writes. */
const OPCODES: ReadonlyMap<number, (machine: PickleMachine) => void> = new Map<
  number,
  (machine: PickleMachine) => void
>([
  [0x80, protocol],
  [0x28, (machine) => machine.push(MARK)],
  [0x4e, pushed(() => null)],
  [0x88, pushed(() => true)],
  [0x89, pushed(() => false)],
  [0x4b, pushed((machine) => machine.u8())],
  [0x4d, pushed((machine) => machine.u16())],
  [0x4a, pushed((machine) => machine.i32())],
  [0x8a, pushed((machine) => machine.long())],
  [0x47, pushed((machine) => machine.f64())],
  [0x58, pushed((machine) => machine.text(machine.u32()))],
  [0x29, pushed(() => [])],
  [0x5d, pushed(() => [])],
  [0x7d, pushed(() => new Map())],
  [0x85, pushed((machine) => machine.popCount(1))],
  [0x86, pushed((machine) => machine.popCount(2))],
  [0x87, pushed((machine) => machine.popCount(3))],
  [0x74, pushed((machine) => machine.popToMark())],
  [0x61, (machine) => append(machine, machine.popCount(1))],
  [0x65, (machine) => append(machine, machine.popToMark())],
  [0x73, (machine) => setItems(machine, machine.popCount(2))],
  [0x75, (machine) => setItems(machine, machine.popToMark())],
  [0x71, (machine) => machine.remember(machine.u8())],
  [0x72, (machine) => machine.remember(machine.u32())],
  [0x68, (machine) => machine.recall(machine.u8())],
  [0x6a, (machine) => machine.recall(machine.u32())],
  [0x63, pushed(global)],
  [0x51, pushed((machine) => storage(machine, machine.pop()))],
  [0x52, reduce],
  [0x62, build],
]);

function protocol(machine: PickleMachine): void {
  const version = machine.u8();
  if (version !== 2) throw machine.error(`expected protocol 2, got ${version}`);
}

/** "module\nname\n" */
function global(machine: PickleMachine): Global {
  const name = `${machine.line()}.${machine.line()}`;
  if (GLOBALS.has(name)) return { kind: 'global', name };
  throw machine.error(`expected only tensors and dictionaries, got ${quote(name)}, which is not loaded`);
}

function append(machine: PickleMachine, values: readonly TorchValue[]): void {
  const list = machine.top();
  if (!Array.isArray(list)) throw machine.error(`expected a list to append to, got ${describe(list)}`);
  for (const value of values) list.push(value);
}

function setItems(machine: PickleMachine, items: readonly TorchValue[]): void {
  const dict = machine.top();
  if (!(dict instanceof Map) || items.length % 2 !== 0) {
    throw machine.error(`expected a dictionary and pairs for it, got ${describe(dict)} and ${items.length} values`);
  }
  for (let i = 0; i < items.length; i += 2) dict.set(items[i] as TorchValue, items[i + 1] as TorchValue);
}

/** ('storage', type, key, device, length) stands for the file of that key. */
function storage(machine: PickleMachine, reference: TorchValue): TorchStorage {
  const [tag, type, key, , length] = Array.isArray(reference) ? reference : [];
  const dtype = isKind(type, 'global') ? STORAGES.get(type.name) : undefined;
  if (tag !== 'storage' || dtype === undefined || typeof key !== 'string' || !isSize(length)) {
    throw machine.error(`expected a reference to a storage, got ${describe(reference)}`);
  }
  return { kind: 'storage', key, dtype, length };
}

function reduce(machine: PickleMachine): void {
  const [callable, args] = machine.popCount(2);
  const name = isKind(callable, 'global') ? callable.name : undefined;
  if (!Array.isArray(args)) throw machine.error(`expected arguments, got ${describe(args)}`);
  if (name === DICT && args.length === 0) machine.push(new Map());
  else if (name === TENSOR) machine.push(tensor(machine, args));
  else if (name === PARAMETER && isKind(args[0], 'tensor')) machine.push(args[0]);
  else
    throw machine.error(
      `expected a tensor or an empty dictionary to be made, got ${describe(callable)} of ${args.length} values`,
    );
}

/** (storage, offset, shape, strides, …); what follows concerns training. */
function tensor(machine: PickleMachine, [base, offset, shape, strides]: readonly TorchValue[]): TorchTensor {
  const isList = (value: TorchValue | undefined): value is number[] =>
    Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isSize);
  if (
    !isKind(base, 'storage') ||
    !isSize(offset) ||
    !isList(shape) ||
    !isList(strides) ||
    shape.length !== strides.length
  ) {
    throw machine.error('expected a tensor of a storage, an offset, a shape and strides, got something else');
  }
  return { kind: 'tensor', storage: base, offset, shape: [...shape], strides: [...strides] };
}

/** Attributes of a dictionary (versions of modules) say nothing about tensors. */
function build(machine: PickleMachine): void {
  const state = machine.pop();
  const object = machine.top();
  if (!(object instanceof Map && state instanceof Map)) {
    throw machine.error(`expected attributes of a dictionary, got ${describe(state)} for ${describe(object)}`);
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
