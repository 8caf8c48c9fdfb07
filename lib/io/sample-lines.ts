import { type ByteInput, openBytes } from './byte-source.js';
import { scanLines } from './line-scanner.js';
import type { SampleOptions, SampleSet } from './sample-set.js';
import { utf8Chunks } from './text-encoding.js';

/** Reads a text format of samples: headers, then a sample a line. */
export interface SampleLineReader {
  /** Called for every line that is neither blank nor a comment, without spaces at its ends; its number from 1. */
  take(bytes: Buffer, line: number): void;
  /** Called behind the last line, whose number this is; 0 in an empty file. */
  finish(line: number): SampleSet;
}

/** Hands the lines of a file, plain or gzipped, to a reader. Comments begin with the byte `comment`. */
export async function readSampleLines(
  input: ByteInput,
  options: SampleOptions,
  comment: number,
  open: (source: string) => SampleLineReader,
): Promise<SampleSet> {
  const source = openBytes(input, options.name);
  const reader = open(source.name);
  let last = 0;
  const take = (bytes: Buffer, line: number) => {
    last = line;
    let [start, end] = [0, bytes.length];
    while (start < end && bytes[start]! <= 0x20) start++;
    while (end > start && bytes[end - 1]! <= 0x20) end--;
    if (start < end && bytes[start] !== comment) reader.take(bytes.subarray(start, end), line);
  };
  for await (const _ of scanLines(source.name, utf8Chunks(source, options.encoding), take, options.maxLineBytes));
  return reader.finish(last);
}
