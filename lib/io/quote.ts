const MAX_SHOWN = 80;

/**
 * Foreign text for an error message: quoted, control characters and lone surrogates escaped, cut to a readable length,
 * so that a hostile file can neither flood a log nor write escape sequences into a terminal.
 */
export function quote(text: string): string {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  // JSON.stringify leaves DEL and the C1 controls (which some terminals obey) as they are.
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Any parsed value for an error message, shortened. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (value === undefined) return 'nothing';
  if (value instanceof Map) return `an object of ${value.size} keys`;
  if (Array.isArray(value))
    return value.length <= 8 && value.every(isScalar)
      ? `[${value.map(show).join(', ')}]`
      : `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/** A list of names for an error message, at most `limit` of them. */
export function quoteList(names: readonly string[], limit = 8): string {
  const shown = names.slice(0, limit).map(quote).join(', ');
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}
