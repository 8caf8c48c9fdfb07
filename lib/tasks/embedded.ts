import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TidemergeError } from '../errors.js';
import { quote, quoteList, show } from '../io/quote.js';

/** The models that come with the package: a folder each. From lib/tasks as from dist/tasks it is two levels up. */
const EMBEDDED = fileURLToPath(new URL('../../models/', import.meta.url));

/** Names of the models that come with the package. */
export function embeddedModels(): string[] {
  if (!existsSync(EMBEDDED)) return [];
  return readdirSync(EMBEDDED)
    .filter((name) => existsSync(join(EMBEDDED, name, 'config.json')))
    .sort();
}

/**
 * The directory of a model: an existing directory, or the name of an embedded model. Nothing is ever fetched; for what
 * looks like the name of a model on a hub, ERR_MODEL_NOT_FOUND says how to get it.
 */
export function resolveModel(directoryOrName: string): string {
  if (typeof directoryOrName !== 'string' || directoryOrName === '') {
    throw new TidemergeError(
      'ERR_INVALID_ARGUMENT',
      `fromPretrained: expected a directory or the name of an embedded model, got ${show(directoryOrName)}`,
    );
  }
  if (statSync(directoryOrName, { throwIfNoEntry: false })) return directoryOrName;
  const embedded = embeddedModels();
  if (embedded.includes(directoryOrName)) return join(EMBEDDED, directoryOrName);
  const expected = `expected a model directory or the name of an embedded model (${quoteList(embedded)})`;
  throw new TidemergeError(
    'ERR_MODEL_NOT_FOUND',
    `${quote(directoryOrName)}: ${expected}, got neither${hint(directoryOrName)}`,
  );
}

/** How to get what is probably meant. */
function hint(name: string): string {
  if (!/^[\w.-]+\/[\w.-]+$/.test(name) || name.startsWith('.')) return '';
  const folder = name.slice(name.indexOf('/') + 1);
  return (
    `. If it is a model on the Hugging Face hub, download it first (models are not downloaded here) and give the directory: ` +
    `\`hf download ${name} --local-dir ${folder}\` with the Python package huggingface_hub, ` +
    `or \`git clone https://huggingface.co/${name}\` with git-lfs`
  );
}
