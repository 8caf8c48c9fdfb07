import { block, bytes, float, integer } from './protobuf.mjs';

/* ONNX graphs, written directly. */

const OPSET = 17;
export const FLOAT = 1;
export const INT64 = 7;
const ATTRIBUTE = { float: 1, int: 2, ints: 7 };

/** Collects nodes and constants; `model` gives the file's bytes. Values are their names. */
export class Graph {
  #nodes = [];
  #constants = [];
  #inputs = [];
  #outputs = [];
  #count = 0;

  input(name, type, shape) {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name, value, shape) {
    this.#nodes.push(node('Identity', [value], [name], {}));
    this.#outputs.push(valueInfo(name, FLOAT, shape));
  }

  constant({ data, shape }) {
    const name = `c${this.#count++}`;
    const type = data instanceof BigInt64Array ? INT64 : FLOAT;
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#constants.push([...shape.map((size) => integer(1, size)), integer(2, type), block(8, name), block(9, raw)]);
    return name;
  }

  integers(...values) {
    return this.constant({ data: BigInt64Array.from(values, BigInt), shape: [values.length] });
  }

  scalar(value) {
    return this.constant({ data: Float32Array.of(value), shape: [] });
  }

  apply(op, inputs, attributes = {}) {
    const name = `v${this.#count++}`;
    this.#nodes.push(node(op, inputs, [name], attributes));
    return name;
  }

  model() {
    const graph = [
      this.#nodes.map((one) => block(1, one)),
      block(2, 'model'),
      this.#constants.map((one) => block(5, one)),
      this.#inputs.map((one) => block(11, one)),
      this.#outputs.map((one) => block(12, one)),
    ];
    const IR_VERSION = 8;
    return bytes([integer(1, IR_VERSION), block(7, graph), block(8, [block(1, ''), integer(2, OPSET)])]);
  }
}

function node(op, inputs, outputs, attributes) {
  return [
    inputs.map((name) => block(1, name)),
    outputs.map((name) => block(2, name)),
    block(4, op),
    Object.entries(attributes).map(([name, value]) => block(5, [block(1, name), attribute(value)])),
  ];
}

function attribute(value) {
  if (Array.isArray(value)) return [value.map((one) => integer(8, one)), integer(20, ATTRIBUTE.ints)];
  if (Number.isInteger(value)) return [integer(3, value), integer(20, ATTRIBUTE.int)];
  return [float(2, value), integer(20, ATTRIBUTE.float)];
}

/** A size may be a name: then it is known only at run time. */
function valueInfo(name, type, shape) {
  const dimensions = shape.map((size) => block(1, typeof size === 'string' ? block(2, size) : integer(1, size)));
  return [block(1, name), block(2, block(1, [integer(1, type), block(2, dimensions)]))];
}
