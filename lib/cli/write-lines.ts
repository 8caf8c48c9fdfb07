import { Outlet } from '../io/outlet.js';
import { OutputFile } from './output-file.js';

/** Lines are gathered up to this many characters for one write. */
const CHUNK_CHARACTERS = 2 ** 16;

/**
 * Writes lines as they come to standard output, or to a file that appears when all of them are there. A slow reader is
 * waited for. ERR_FILE_ACCESS.
 */
export async function writeLines(
  lines: Iterable<string> | AsyncIterable<string>,
  output: string | undefined,
): Promise<void> {
  const file = isFile(output) ? new OutputFile(output) : undefined;
  const outlet = new Outlet(file?.stream ?? process.stdout);
  try {
    let text = '';
    for await (const line of lines) {
      text += `${line}\n`;
      if (text.length < CHUNK_CHARACTERS) continue;
      await outlet.write(text);
      text = '';
    }
    await outlet.write(text);
  } catch (error) {
    file?.discard();
    throw error;
  } finally {
    outlet.release();
  }
  await file?.commit();
}

/** Whether `--output` names a file and not standard output. */
export function isFile(output: string | undefined): output is string {
  return output !== undefined && output !== '-';
}
