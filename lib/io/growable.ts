/** A Float64Array that grows at its end; a plain array would box its numbers beyond some size. */
export class GrowableFloat64 {
  length = 0;
  #data = new Float64Array(8);

  push(value: number): void {
    if (this.length === this.#data.length) {
      const larger = new Float64Array(Math.max(this.length * 2, 128));
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.length++] = value;
  }

  at(index: number): number {
    return this.#data[index] as number;
  }

  /** A copy of exactly `length` elements. */
  toArray(): Float64Array {
    return this.#data.slice(0, this.length);
  }
}

/** The line of each row, kept as runs of consecutive lines: a file mostly is one run, or one per series. */
export class LineRuns {
  #rows = 0;
  readonly #firstRows = new GrowableFloat64();
  readonly #firstLines = new GrowableFloat64();
  #expected = NaN;

  push(line: number): void {
    if (line !== this.#expected) {
      this.#firstRows.push(this.#rows);
      this.#firstLines.push(line);
    }
    this.#expected = line + 1;
    this.#rows++;
  }

  lineOf(row: number): number {
    let [low, high] = [0, this.#firstRows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#firstRows.at(middle) <= row) low = middle;
      else high = middle - 1;
    }
    return this.#firstLines.at(low) + row - this.#firstRows.at(low);
  }
}
