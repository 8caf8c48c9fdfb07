import { axisLabel, ticks } from './chart.js';

/* What the line charts of the command line have in common: panels of one size, one under the other. */

export const WIDTH = 760;
export const HEIGHT = 300;
export const MARGIN = { left: 64, right: 16, top: 34, bottom: 30 } as const;

export const escapeText = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
export const round = (value: number) => Number(value.toFixed(2)).toString();

/** A stand-alone document of panels, each drawn in a field of WIDTH by HEIGHT. */
export function svgDocument(panels: readonly string[]): string {
  const height = HEIGHT * panels.length;
  const body = panels.map((panel, index) => `<g transform="translate(0 ${index * HEIGHT})">\n${panel}</g>\n`);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
    'font-family="system-ui, sans-serif" font-size="12">\n' +
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>\n${body.join('')}</svg>\n`
  );
}

/** Horizontal lines at round numbers, with labels. */
export function grid(low: number, high: number, y: (value: number) => number): string {
  const marks = ticks(low, high, 5);
  const step = marks.length > 1 ? (marks[1] as number) - (marks[0] as number) : high - low;
  return marks
    .map((mark) => {
      const at = round(y(mark));
      return (
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#e5e5e5"/>` +
        `<text x="${MARGIN.left - 8}" y="${at}" text-anchor="end" dominant-baseline="middle" fill="#555">${axisLabel(mark, step)}</text>\n`
      );
    })
    .join('');
}

/** Those that are finite. */
export function points(
  values: ArrayLike<number>,
  offset: number,
  x: (index: number) => number,
  y: (value: number) => number,
): string[] {
  const result: string[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isFinite(value)) result.push(`${round(x(offset + i))},${round(y(value))}`);
  }
  return result;
}

/** A polyline for every unbroken run of values; a missing value leaves a gap, a lone value is a dot. */
export function curve(
  values: ArrayLike<number>,
  offset: number,
  color: string,
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  let text = '';
  let start = 0;
  const flush = (end: number) => {
    const run = points(Array.prototype.slice.call(values, start, end), offset + start, x, y);
    if (run.length === 1) {
      const [cx, cy] = (run[0] as string).split(',');
      text += `<circle cx="${cx}" cy="${cy}" r="1.5" fill="${color}"/>\n`;
    } else if (run.length > 1) {
      text += `<polyline points="${run.join(' ')}" fill="none" stroke="${color}" stroke-width="1.5"/>\n`;
    }
  };
  for (let i = 0; i <= values.length; i++) {
    if (i < values.length && Number.isFinite(values[i])) continue;
    if (i > start) flush(i);
    start = i + 1;
  }
  return text;
}
