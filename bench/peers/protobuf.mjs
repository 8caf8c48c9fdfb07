/*
 * As much of the protocol-buffers wire format as writing a message needs. A message is a list of fields; `bytes` joins
 * them. Sizes are added up first, so that large tensors are copied once.
 */

/** @typedef {Uint8Array | Part[]} Part */

/** Unsigned, below 2^53. */
function varint(value) {
  const bytes = [];
  while (value > 127) {
    bytes.push((value % 128) + 128);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
  return Uint8Array.from(bytes);
}

const sizeOf = (part) => (part instanceof Uint8Array ? part.length : part.reduce((sum, one) => sum + sizeOf(one), 0));

/** An integer or enum. A negative one takes ten bytes: its 64-bit two's complement. */
export function integer(field, value) {
  if (value >= 0) return [varint(field * 8), varint(value)];
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) + 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return [varint(field * 8), Uint8Array.from(bytes)];
}

export function float(field, value) {
  return [varint(field * 8 + 5), new Uint8Array(Float32Array.of(value).buffer)];
}

/** Bytes, text or another message. */
export function block(field, content) {
  const part = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return [varint(field * 8 + 2), varint(sizeOf(part)), part];
}

export function bytes(message) {
  const all = new Uint8Array(sizeOf(message));
  let at = 0;
  const copy = (part) => {
    if (Array.isArray(part)) return part.forEach(copy);
    all.set(part, at);
    at += part.length;
  };
  copy(message);
  return all;
}
