import { TidemergeError } from '../../errors.js';
import { quote } from '../../io/quote.js';
import type { WeightScope } from '../../io/weight-scope.js';

/*
 * The packed file: docs/reference/sparse-binary-format.md. Its metadata says how the tensors are to be read; what a later
 * version may do differently (signs from a seed, masks of another structure) has a field of its own already.
 */

export const FORMAT_VERSION = '1';

/** Fields of the metadata and the values this version knows. */
const FIELDS = {
  'sbt.version': [FORMAT_VERSION],
  'sbt.matrices': ['mask-signs', 'dense'],
  'sbt.signs': ['bits'],
  'sbt.activation_masks': ['none', 'positions', 'channels'],
} as const;

export type FormatFields = { readonly [Field in keyof typeof FIELDS]: (typeof FIELDS)[Field][number] };

/** ERR_UNSUPPORTED for a version, a field or a value of a field that this library does not know. */
export function readFormat(scope: WeightScope): FormatFields {
  const { metadata, source } = scope;
  if (!metadata.has('sbt.version')) {
    throw new TidemergeError('ERR_BAD_MODEL', `${source}: expected metadata "sbt.version", got none`);
  }
  const known: Readonly<Record<string, readonly string[]>> = FIELDS;
  for (const [field, value] of metadata) {
    if (!field.startsWith('sbt.')) continue;
    const values = Object.hasOwn(known, field) ? known[field] : undefined;
    if (values?.includes(value)) continue;
    const expected = values ? `${values.map(quote).join(' or ')}` : 'no such field';
    throw new TidemergeError(
      'ERR_UNSUPPORTED',
      `${source}: metadata ${quote(field)}: expected ${expected}, got ${quote(value)} (written by a newer version?)`,
    );
  }
  const missing = Object.keys(FIELDS).find((field) => !metadata.has(field));
  if (missing) throw new TidemergeError('ERR_BAD_MODEL', `${source}: expected metadata ${quote(missing)}, got none`);
  return Object.fromEntries(metadata) as unknown as FormatFields;
}
