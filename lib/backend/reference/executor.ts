import { setImmediate as nextTurn } from 'node:timers/promises';
import { TidemergeError } from '../../errors.js';
import { isRepeat, type ProgramDescription, type ProgramNode, type RepeatNode } from '../backend.js';
import { Call, type Slot, type StateSlot, type WeightSlot } from './call.js';
import { referenceOperator } from './program.js';
import { int32Vector, shapeText, type Value } from './value.js';

/** Runs the nodes of one program one after the other. `stop` is called before each and throws to end the run. */
export class Executor {
  readonly #slots: (Slot | undefined)[];
  readonly #stop: () => void;

  constructor(
    description: ProgramDescription,
    weights: readonly WeightSlot[],
    states: readonly StateSlot[],
    inputs: ReadonlyMap<string, Value>,
    stop: () => void,
  ) {
    this.#slots = new Array(description.values);
    this.#stop = stop;
    for (const { id, weight } of description.weights) this.#slots[id] = { weight: weights[weight]! };
    for (const [i, { id }] of description.states.entries()) this.#slots[id] = { state: states[i]! };
    for (const { id, name } of description.inputs) this.#slots[id] = { value: inputs.get(name)! };
  }

  /** Gives the event loop a turn before every node. */
  async run(nodes: readonly ProgramNode[]): Promise<void> {
    for (const _ of this.#steps(nodes)) {
      await nextTurn();
      this.#stop();
    }
  }

  runSync(nodes: readonly ProgramNode[]): void {
    for (const _ of this.#steps(nodes)) this.#stop();
  }

  /** Yields before every node. */
  *#steps(nodes: readonly ProgramNode[]): Generator<void> {
    for (const node of nodes) {
      yield;
      if (isRepeat(node)) {
        yield* this.#repeat(node);
        continue;
      }
      const inputs = node.inputs.map((id) => (id === -1 ? null : this.#slots[id]!));
      const outputs = referenceOperator(node.op).run(new Call(node.op, inputs, node.attributes));
      for (const [i, id] of node.outputs.entries()) this.#slots[id] = { value: outputs[i]! };
    }
  }

  /** The value behind an id, read after the run. */
  value(id: number): Value {
    const slot = this.#slots[id]!;
    if ('value' in slot) return slot.value;
    return 'state' in slot ? slot.state.value : slot.weight.value;
  }

  *#repeat({ inputs, outputs, body }: RepeatNode): Generator<void> {
    const [countId, ...initial] = inputs as [number, ...number[]];
    const count = countOf(this.value(countId));
    let carries = initial.map((id) => this.#slots[id]!);
    for (let turn = 0; turn < count; turn++) {
      this.#slots[body.index] = { value: int32Vector([turn]) };
      for (const [i, id] of body.carriesIn.entries()) this.#slots[id] = carries[i]!;
      yield* this.#steps(body.nodes);
      carries = body.carriesOut.map((id) => this.#slots[id]!);
    }
    for (const [i, id] of outputs.entries()) this.#slots[id] = carries[i]!;
  }
}

function countOf(value: Value): number {
  if (value.dtype !== 'int32') {
    throw new TidemergeError('ERR_INVALID_DTYPE', `repeat: count: expected int32, got ${value.dtype}`);
  }
  if (value.rows !== 1 || value.cols !== 1) {
    throw new TidemergeError('ERR_INVALID_SHAPE', `repeat: count: expected [1, 1], got ${shapeText(value)}`);
  }
  const count = value.data[0]!;
  if (count < 0) throw new TidemergeError('ERR_INVALID_ARGUMENT', `repeat: count: expected at least 0, got ${count}`);
  return count;
}
