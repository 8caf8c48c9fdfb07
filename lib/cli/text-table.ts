/** Lines of cells under a header, columns aligned: text to the left, everything that begins like a number to the right. */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const numeric = header.map((_, i) => rows.length > 0 && rows.every((row) => /^([-+]?[\d.]|-?$)/.test(row[i]!)));
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, i) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ')}`.trimEnd();
  return `${[header, ...rows].map(line).join('\n')}\n`;
}

/** That many significant digits, without an exponent where that reads well; '-' for what is no number. */
export function significant(value: number | undefined, digits = 3): string {
  if (value === undefined || !Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(digits - 1);
  return size >= 10 ** digits ? value.toFixed(0) : value.toPrecision(digits);
}

/** A relative change in percent, with its sign: '+3.1 %'. */
export function percent(change: number | undefined): string {
  if (change === undefined || !Number.isFinite(change)) return '-';
  return `${change < 0 ? '' : '+'}${(100 * change).toFixed(1)} %`;
}
