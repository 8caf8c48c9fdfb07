/**
 * Finds what belongs to an id by its bytes in a file, without making a string of them. One entry per hash: an id whose
 * place is taken is simply not found, and the caller looks it up by its text, so crafted collisions cost no more than that.
 */
export class IdCache<T> {
  readonly #entries = new Map<number, { readonly id: Uint8Array; readonly value: T }>();
  #lastId: Uint8Array = new Uint8Array();
  #last: T | undefined;

  find(bytes: Uint8Array, start: number, end: number): T | undefined {
    // Rows of one series mostly follow one another.
    if (this.#last !== undefined && isEqual(this.#lastId, bytes, start, end)) return this.#last;
    const entry = this.#entries.get(hash(bytes, start, end));
    if (entry === undefined || !isEqual(entry.id, bytes, start, end)) return undefined;
    this.#lastId = entry.id;
    this.#last = entry.value;
    return entry.value;
  }

  remember(bytes: Uint8Array, start: number, end: number, value: T): void {
    this.#lastId = Uint8Array.prototype.slice.call(bytes, start, end);
    this.#last = value;
    const key = hash(bytes, start, end);
    if (!this.#entries.has(key)) this.#entries.set(key, { id: this.#lastId, value });
  }
}

function isEqual(id: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== id.length) return false;
  for (let i = 0; i < id.length; i++) if (bytes[start + i] !== id[i]) return false;
  return true;
}

/** FNV-1a. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5;
  for (let i = start; i < end; i++) value = Math.imul(value ^ (bytes[i] as number), 0x01000193);
  return value;
}
