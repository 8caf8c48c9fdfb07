import { TidemergeError } from '../../errors.js';
import { type Attributes, isRepeat, type OperatorNode, type ProgramDescription, type ProgramNode } from '../backend.js';
import type { AttributeType, ReferenceOperator } from './operator.js';
import { REFERENCE_OPERATORS } from './operators.js';

/** Throws unless the description can be executed: known operators, and every value made before it is used. */
export function checkProgram(description: ProgramDescription, weights: number): void {
  const made = new Set<number>();
  for (const { id } of [...description.inputs, ...description.weights, ...description.states]) define(made, id);
  for (const { weight } of description.weights) {
    if (!(weight >= 0 && weight < weights)) throw broken(`weight ${weight} is not among the ${weights} given`);
  }
  checkNodes(description.nodes, made);
  for (const { name, id } of description.outputs) use(made, id, `output '${name}'`);
}

function checkNodes(nodes: readonly ProgramNode[], made: Set<number>): void {
  for (const node of nodes) {
    for (const id of node.inputs) if (id !== -1 || isRepeat(node)) use(made, id, node.op);
    if (isRepeat(node)) {
      const { index, carriesIn, carriesOut, nodes: inner } = node.body;
      const counts = new Set([node.inputs.length - 1, node.outputs.length, carriesIn.length, carriesOut.length]);
      if (counts.size !== 1) throw broken('repeat: the numbers of carried values differ');
      const inside = new Set(made);
      for (const id of [index, ...carriesIn]) define(inside, id);
      checkNodes(inner, inside);
      for (const id of carriesOut) use(inside, id, 'repeat');
    } else {
      checkOperator(node);
    }
    for (const id of node.outputs) define(made, id);
  }
}

function checkOperator({ op, inputs, outputs, attributes }: OperatorNode): void {
  const operator = referenceOperator(op);
  checkCall(op, operator, inputs.length, attributes);
  if (outputs.length !== operator.outputs) {
    throw broken(`${op}: expected ${operator.outputs} outputs, got ${outputs.length}`);
  }
}

export function referenceOperator(op: string): ReferenceOperator {
  const operator = REFERENCE_OPERATORS.get(op);
  if (!operator) throw new TidemergeError('ERR_UNSUPPORTED', `program: unknown operator '${op}'`);
  return operator;
}

/** Number of inputs, and names, types and values of attributes. */
export function checkCall(op: string, operator: ReferenceOperator, inputs: number, attributes: Attributes): void {
  const [least, most] = operator.inputs;
  if (inputs < least || inputs > most) throw broken(`${op}: expected ${least} to ${most} inputs, got ${inputs}`);
  const { attributes: required = {}, options = {} } = operator;
  const declared = { ...required, ...options };
  for (const [name, type] of Object.entries(declared)) {
    if (!Object.hasOwn(attributes, name) && Object.hasOwn(options, name)) continue;
    if (!hasType(attributes[name], type)) {
      const got = JSON.stringify(attributes[name]) ?? 'nothing';
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: attribute ${name}: expected ${type}, got ${got}`);
    }
  }
  for (const name of Object.keys(attributes)) {
    if (!Object.hasOwn(declared, name)) {
      throw new TidemergeError('ERR_INVALID_ARGUMENT', `${op}: attribute ${name}: expected no attribute of this name`);
    }
  }
  operator.check?.(attributes);
}

function hasType(value: unknown, type: AttributeType): boolean {
  switch (type) {
    case 'integer':
      return Number.isSafeInteger(value);
    case 'numbers':
      return Array.isArray(value) && value.every((item) => typeof item === 'number');
    default:
      return typeof value === type;
  }
}

function define(made: Set<number>, id: number): void {
  if (made.has(id)) throw broken(`value ${id} is made twice`);
  made.add(id);
}

function use(made: Set<number>, id: number, by: string): void {
  if (!made.has(id)) throw broken(`value ${id} is used by ${by} before it is made`);
}

function broken(message: string): TidemergeError {
  return new TidemergeError('ERR_INVALID_ARGUMENT', `program: ${message}`);
}
