import { multiply, type Panels, pack } from './matmul.js';

/*
 * Local token merging of one series in plain JavaScript, as fast as we could make it: dot products with several sums (tiles of
 * two A and four B tokens where a band has them), a blocked product with a running maximum where all are compared, the cut found
 * by counting digits, and one pass that averages. No allocation but results and what a size needs once.
 */

export interface MergeShape {
  readonly tokens: number;
  readonly channels: number;
  /** Tokens to remove. */
  readonly r: number;
  /** Neighbourhood in pairs; 0: any. */
  readonly k: number;
}

export interface Merged {
  /** [tokens - r, channels] */
  readonly tokens: Float32Array;
  /** [tokens]: place before to place now. */
  readonly map: Int32Array;
  /** [pairs]: similarity and place of the best B token of every A token. */
  readonly best: Float32Array;
  readonly choice: Int32Array;
}

/** A rows of the global product whose scores exist at once, and B rows a step. */
const ROWS = 64;
const COLUMNS = 256;

export class MergeBaseline {
  readonly #shape: MergeShape;
  readonly #inverses: Float64Array;
  readonly #next: Int32Array;
  readonly #gone: Uint8Array;
  readonly #counts = new Uint32Array(1 << 16);
  readonly #panels: { a: Float64Array; b: Float64Array; scores: Float32Array } | undefined;

  constructor(shape: MergeShape) {
    const { tokens, channels, k } = shape;
    const pairs = tokens >> 1;
    this.#shape = shape;
    this.#inverses = new Float64Array(tokens);
    this.#next = new Int32Array(tokens);
    this.#gone = new Uint8Array(tokens);
    if (k > 0 && k < pairs) return;
    const a = new Float64Array(ROWS * channels);
    const b = new Float64Array(Math.ceil(pairs / 4) * 4 * channels);
    this.#panels = { a, b, scores: new Float32Array(ROWS * COLUMNS) };
  }

  run(x: Float32Array): Merged {
    const { tokens, channels, r, k } = this.#shape;
    const pairs = tokens >> 1;
    const best = new Float32Array(pairs);
    const choice = new Int32Array(pairs);
    if (this.#panels) this.#global(x, best, choice);
    else if (k === 1) neighbours(x, channels, best, choice);
    else {
      inverseNorms(x, channels, this.#inverses);
      band(x, channels, k, this.#inverses, best, choice);
    }
    this.#gone.fill(0);
    mark(best, Math.min(r, pairs), this.#gone, this.#counts);
    const map = new Int32Array(tokens);
    const removed = this.#place(choice, map);
    const merged = new Float32Array((tokens - removed) * channels);
    average(x, channels, this.#gone, this.#next, merged);
    return { tokens: merged, map, best, choice };
  }

  #global(x: Float32Array, best: Float32Array, choice: Int32Array): void {
    const { channels } = this.#shape;
    const { a, b, scores } = this.#panels!;
    const inverses = this.#inverses;
    const pairs = best.length;
    const layout = { rowStep: 2 * channels };
    inverseNorms(x, channels, inverses);
    const all = pack(x, pairs, channels, { ...layout, start: channels }, b).data;
    for (let i = 0; i < pairs; i += ROWS) {
      const rows = Math.min(ROWS, pairs - i);
      const left = pack(x, rows, channels, { ...layout, start: 2 * i * channels }, a);
      best.fill(-Infinity, i, i + rows);
      for (let j = 0; j < pairs; j += COLUMNS) {
        const columns = Math.min(COLUMNS, pairs - j);
        const right: Panels = { rows: columns, length: channels, data: all.subarray(j * channels) };
        multiply(left, right, { data: scores, start: 0, rowStep: COLUMNS });
        for (let row = 0; row < rows; row++)
          rowMaximum(scores, row * COLUMNS, columns, inverses, j, i + row, best, choice);
      }
      for (let row = i; row < i + rows; row++) best[row] = best[row]! * inverses[2 * row]!;
    }
  }

  /** Where every token goes, and the list of A tokens behind each B token. Returns how many are gone. */
  #place(choice: Int32Array, map: Int32Array): number {
    const gone = this.#gone;
    const next = this.#next.fill(-1);
    let count = 0;
    for (let p = 0; p < map.length; p++) if (gone[p] === 0) map[p] = count++;
    for (let i = choice.length - 1; i >= 0; i--) {
      const a = 2 * i;
      if (gone[a] === 0) continue;
      const b = 2 * choice[i]! + 1;
      map[a] = map[b]!;
      next[a] = next[b]!;
      next[b] = a;
    }
    return map.length - count;
  }
}

/** Cosine of every A token and its own B token: one pass, six sums. */
function neighbours(x: Float32Array, channels: number, best: Float32Array, choice: Int32Array): void {
  for (let i = 0; i < best.length; i++) {
    let a = 2 * i * channels;
    let b = a + channels;
    const end = b;
    let ab0 = 0,
      ab1 = 0,
      aa0 = 0,
      aa1 = 0,
      bb0 = 0,
      bb1 = 0;
    for (const last = end - 1; a < last; a = (a + 2) | 0, b = (b + 2) | 0) {
      const a0 = x[a]!;
      const b0 = x[b]!;
      const a1 = x[(a + 1) | 0]!;
      const b1 = x[(b + 1) | 0]!;
      ab0 += a0 * b0;
      aa0 += a0 * a0;
      bb0 += b0 * b0;
      ab1 += a1 * b1;
      aa1 += a1 * a1;
      bb1 += b1 * b1;
    }
    if (a < end) {
      ab0 += x[a]! * x[b]!;
      aa0 += x[a]! * x[a]!;
      bb0 += x[b]! * x[b]!;
    }
    best[i] = (ab0 + ab1) * inverseOf(aa0 + aa1) * inverseOf(bb0 + bb1);
    choice[i] = i;
  }
}

const inverseOf = (squares: number) => 1 / Math.max(Math.sqrt(squares), 1e-12);

function inverseNorms(x: Float32Array, channels: number, inverses: Float64Array): void {
  for (let row = 0; row < inverses.length; row++)
    inverses[row] = inverseOf(dot(x, row * channels, row * channels, channels));
}

function dot(x: Float32Array, a: number, b: number, channels: number): number {
  let s0 = 0,
    s1 = 0,
    s2 = 0,
    s3 = 0;
  const end = a + channels;
  for (const last = end - 3; a < last; a = (a + 4) | 0, b = (b + 4) | 0) {
    s0 += x[a]! * x[b]!;
    s1 += x[(a + 1) | 0]! * x[(b + 1) | 0]!;
    s2 += x[(a + 2) | 0]! * x[(b + 2) | 0]!;
    s3 += x[(a + 3) | 0]! * x[(b + 3) | 0]!;
  }
  for (; a < end; a++, b++) s0 += x[a]! * x[b]!;
  return s0 + s1 + (s2 + s3);
}

/** Every A token against the B tokens fewer than k pairs away: tiles of two A and four B tokens. */
function band(
  x: Float32Array,
  channels: number,
  k: number,
  inverses: Float64Array,
  best: Float32Array,
  choice: Int32Array,
): void {
  const pairs = best.length;
  const scores = new Float64Array(2 * (2 * k + 4));
  const step = 2 * channels;
  for (let i = 0; i < pairs; i += 2) {
    const rows = Math.min(2, pairs - i);
    const first = Math.max(0, i - k + 1);
    const end = Math.min(pairs, i + k + rows - 1);
    let j = first;
    for (; rows === 2 && j + 3 < end; j += 4) tile(x, i * step, j * step + channels, channels, scores, 2 * (j - first));
    for (; j < end; j++) {
      for (let a = 0; a < rows; a++) {
        scores[2 * (j - first) + a] = dot(x, (i + a) * step, j * step + channels, channels);
      }
    }
    for (let a = 0; a < rows; a++) {
      let largest = -Infinity;
      let at = -1;
      const own = i + a;
      const last = Math.min(pairs, own + k);
      for (let c = Math.max(0, own - k + 1); c < last; c++) {
        const similarity = scores[2 * (c - first) + a]! * inverses[2 * c + 1]!;
        if (similarity > largest) {
          largest = similarity;
          at = c;
        }
      }
      best[own] = largest * inverses[2 * own]!;
      choice[own] = at;
    }
  }
}

/** scores[2 j + i]: A token i with B token j. */
function tile(x: Float32Array, a: number, b: number, channels: number, scores: Float64Array, to: number): void {
  const step = 2 * channels;
  const other = a + step;
  let s00 = 0,
    s10 = 0,
    s01 = 0,
    s11 = 0,
    s02 = 0,
    s12 = 0,
    s03 = 0,
    s13 = 0;
  for (let c = 0; c < channels; c = (c + 1) | 0, b = (b + 1) | 0) {
    const a0 = x[(a + c) | 0]!;
    const a1 = x[(other + c) | 0]!;
    const b0 = x[b]!;
    s00 += a0 * b0;
    s10 += a1 * b0;
    const b1 = x[(b + step) | 0]!;
    s01 += a0 * b1;
    s11 += a1 * b1;
    const b2 = x[(b + 2 * step) | 0]!;
    s02 += a0 * b2;
    s12 += a1 * b2;
    const b3 = x[(b + 3 * step) | 0]!;
    s03 += a0 * b3;
    s13 += a1 * b3;
  }
  scores[to] = s00;
  scores[to + 1] = s10;
  scores[to + 2] = s01;
  scores[to + 3] = s11;
  scores[to + 4] = s02;
  scores[to + 5] = s12;
  scores[to + 6] = s03;
  scores[to + 7] = s13;
}

function rowMaximum(
  scores: Float32Array,
  start: number,
  columns: number,
  inverses: Float64Array,
  first: number,
  row: number,
  best: Float32Array,
  choice: Int32Array,
): void {
  let largest = best[row]!;
  let at = -1;
  for (let c = 0; c < columns; c++) {
    const score = scores[start + c]! * inverses[2 * (first + c) + 1]!;
    if (score > largest) {
      largest = score;
      at = first + c;
    }
  }
  if (at < 0) return;
  best[row] = largest;
  choice[row] = at;
}

/** Marks the A tokens with the r largest similarities, of equals the earliest: two counts of 16 bits find the cut. */
function mark(best: Float32Array, r: number, gone: Uint8Array, counts: Uint32Array): void {
  if (r === 0) return;
  const bits = new Uint32Array(best.buffer, best.byteOffset, best.length);
  let left = r;
  const cutOf = () => {
    let digit = 0xffff;
    for (; counts[digit]! < left; digit--) left -= counts[digit]!;
    return digit;
  };
  counts.fill(0);
  for (let i = 0; i < bits.length; i++) counts[ascending(bits[i]!) >>> 16]!++;
  const high = cutOf();
  counts.fill(0);
  for (let i = 0; i < bits.length; i++) {
    const key = ascending(bits[i]!);
    if (key >>> 16 === high) counts[key & 0xffff]!++;
  }
  const cut = ((high << 16) | cutOf()) >>> 0;
  for (let i = 0; i < bits.length; i++) {
    const key = ascending(bits[i]!);
    if (key > cut || (key === cut && left-- > 0)) gone[2 * i] = 1;
  }
}

/** Float bits as an integer of the same order. */
const ascending = (bits: number) => (bits >>> 31 ? ~bits >>> 0 : (bits | 0x80000000) >>> 0);

/** One pass: runs of tokens that stay as they are in one copy, means of two in one loop. */
function average(x: Float32Array, channels: number, gone: Uint8Array, next: Int32Array, out: Float32Array): void {
  let to = 0;
  for (let p = 0; p < gone.length; ) {
    if (gone[p] === 1) {
      p++;
      continue;
    }
    if (next[p] === -1) {
      const from = p;
      while (p < gone.length && gone[p] === 0 && next[p] === -1) p++;
      out.set(x.subarray(from * channels, p * channels), to);
      to += (p - from) * channels;
      continue;
    }
    mean(x, channels, p, next, out, to);
    to += channels;
    p++;
  }
}

function mean(x: Float32Array, channels: number, b: number, next: Int32Array, out: Float32Array, to: number): void {
  const first = next[b]!;
  let [i, j, o] = [b * channels, first * channels, to];
  const end = to + channels;
  if (next[first] === -1) {
    for (; o < end; o = (o + 1) | 0, i = (i + 1) | 0, j = (j + 1) | 0) out[o] = 0.5 * (x[i]! + x[j]!);
    return;
  }
  let members = 2;
  for (; o < end; o++, i++, j++) out[o] = x[i]! + x[j]!;
  for (let m = next[first]!; m !== -1; m = next[m]!, members++) {
    for (let c = 0; c < channels; c++) out[to + c] = out[to + c]! + x[m * channels + c]!;
  }
  for (o = to; o < end; o++) out[o] = out[o]! / members;
}
