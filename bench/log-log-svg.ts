/*
 * A plot with two logarithmic axes.
 */

const [WIDTH, HEIGHT] = [640, 420];
const MARGIN = { left: 64, right: 130, top: 34, bottom: 48 } as const;
const COLORS = ['#1f6f8b', '#b45309', '#4d7c0f', '#7e22ce'] as const;

export interface Curve {
  readonly name: string;
  /** Tokens and milliseconds. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** A stand-alone SVG document. The dashed line grows like the tokens and begins where the first curve's third point is. */
export function logLogSvg(title: string, curves: readonly Curve[]): string {
  const all = curves.flatMap(({ points }) => points);
  const across = axis(
    all.map(({ x }) => x),
    2,
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const up = axis(
    all.map(({ y }) => y),
    10,
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const path = (points: Curve['points']) =>
    points.map(({ x, y }) => `${across.at(x).toFixed(1)},${up.at(y).toFixed(1)}`).join(' ');
  const { x: x0, y: y0 } = curves[0]!.points[Math.min(2, curves[0]!.points.length - 1)]!;
  const linear = across.marks.filter((x) => x >= x0).map((x) => ({ x, y: (y0 * x) / x0 }));
  const lines = curves.map(({ name, points }, i) => {
    const color = COLORS[i % COLORS.length]!;
    const dots = points.map(({ x, y }) => {
      const told = `<title>${name}: ${x} tokens, ${y.toPrecision(3)} ms</title>`;
      return `<circle cx="${across.at(x).toFixed(1)}" cy="${up.at(y).toFixed(1)}" r="3" fill="${color}">${told}</circle>`;
    });
    const key = `<text x="${WIDTH - MARGIN.right + 12}" y="${MARGIN.top + 16 + 18 * i}" fill="${color}">${name}</text>`;
    return `<polyline points="${path(points)}" fill="none" stroke="${color}" stroke-width="1.5"/>${dots.join('')}${key}\n`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12">\n`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>\n`,
    `<text x="${MARGIN.left}" y="20" font-weight="600">${title}</text>\n`,
    ...across.marks.map((x) => mark('x', across.at(x), String(x))),
    ...up.marks.map((y) => mark('y', up.at(y), `${y} ms`)),
    `<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle" fill="#555">tokens</text>\n`,
    `<polyline points="${path(linear)}" fill="none" stroke="#999" stroke-dasharray="4 4"/>\n`,
    `<text x="${WIDTH - MARGIN.right + 12}" y="${MARGIN.top + 16 + 18 * curves.length}" fill="#777">- - linear</text>\n`,
    ...lines,
    '</svg>\n',
  ].join('');
}

interface Axis {
  /** Powers of the base that enclose the numbers. */
  readonly marks: readonly number[];
  at(value: number): number;
}

function axis(numbers: readonly number[], base: number, from: number, to: number): Axis {
  const log = (value: number) => Math.log(value) / Math.log(base);
  const low = Math.floor(log(Math.min(...numbers)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(log(Math.max(...numbers)) - 1e-9));
  const marks = Array.from({ length: high - low + 1 }, (_, i) => Number((base ** (low + i)).toPrecision(12)));
  return { marks, at: (value) => from + ((log(value) - low) / (high - low)) * (to - from) };
}

function mark(kind: 'x' | 'y', at: number, text: string): string {
  const place = at.toFixed(1);
  const [bottom, right] = [HEIGHT - MARGIN.bottom, WIDTH - MARGIN.right];
  return kind === 'x'
    ? `<line x1="${place}" x2="${place}" y1="${MARGIN.top}" y2="${bottom}" stroke="#e5e5e5"/><text x="${place}" y="${bottom + 16}" text-anchor="middle" fill="#555" font-size="10">${text}</text>\n`
    : `<line x1="${MARGIN.left}" x2="${right}" y1="${place}" y2="${place}" stroke="#e5e5e5"/><text x="${MARGIN.left - 8}" y="${place}" text-anchor="end" dominant-baseline="middle" fill="#555">${text}</text>\n`;
}
