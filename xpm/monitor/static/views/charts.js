// Curves and points, in SVG of our own.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { html, number } from "../lib.js";

const SMALL = { w: 420, h: 220, left: 52, bottom: 26, top: 10, right: 20 };
const BIG = { w: 1100, h: 380, left: 64, bottom: 40, top: 28, right: 24 };
const TALL = { w: 400, h: 280, left: 46, bottom: 36, top: 26, right: 14 };
export const COLOURS = 8;

function ticks(low, high, count = 4) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return found;
}

/** Along a logarithmic axis: 1, 2, 5, 10, ... as many as there is room for. */
function powers(low, high) {
  const found = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const digit of high - low > 3 ? [1] : [1, 2, 5]) {
      const at = Math.log10(digit) + power;
      if (at >= low - 1e-9 && at <= high + 1e-9) found.push(at);
    }
  }
  return found.length > 1 ? found : ticks(low, high);
}

function scale(values, log) {
  const fit = values.filter((each) => each != null && isFinite(each) && (!log || each > 0)).map((each) => (log ? Math.log10(each) : each));
  let low = Infinity, high = -Infinity;
  for (const each of fit) { if (each < low) low = each; if (each > high) high = each; }
  if (!fit.length) { low = 0; high = 1; }
  if (low === high) { low -= Math.abs(low) / 10 || 1; high += Math.abs(high) / 10 || 1; }
  return { low, high, log, of: (value) => ((log ? Math.log10(value) : value) - low) / (high - low) };
}

const across = (f, x, value) => f.left + x.of(value) * (f.w - f.left - f.right);
const up = (f, y, value) => f.h - f.bottom - y.of(value) * (f.h - f.bottom - f.top);

function Axes({ f, x, y, xname, yname }) {
  const value = (axis, at) => (axis.log ? 10 ** at : at);
  const marks = (axis, count) => (axis.log ? powers(axis.low, axis.high) : ticks(axis.low, axis.high, count));
  const text = (axis, at) => number(axis.log ? +value(axis, at).toPrecision(3) : at);
  return html`<g class="axes" aria-hidden="true">
    ${marks(y, 4).map((at) => { const high = up(f, y, value(y, at)); return html`<g key=${at}><line x1=${f.left} x2=${f.w - f.right} y1=${high} y2=${high}/><text x=${f.left - 7} y=${high + 4} text-anchor="end">${text(y, at)}</text></g>`; })}
    ${marks(x, f.w > 600 ? 9 : 5).map((at) => html`<text key=${at} x=${across(f, x, value(x, at))} y=${f.h - f.bottom + 17} text-anchor="middle">${text(x, at)}</text>`)}
    ${xname ? html`<text class="axis" x=${f.w - f.right} y=${f.h - 6} text-anchor="end">${xname} →</text>` : ""}${yname ? html`<text class="axis" x="4" y="14">↑ ${yname}</text>` : ""}</g>`;
}

export function Curves({ title, series, log = false }) {
  const f = SMALL;
  const [at, setAt] = useState(null);
  const points = series.flatMap((each) => each.points);
  const x = scale(points.map((each) => each[0])), y = scale(points.map((each) => each[1]), log);
  const path = (line) => {
    let text = "", pen = false;
    for (const [px, py] of line) {
      if (py == null || (log && py <= 0)) { pen = false; continue; }
      text += `${pen ? "L" : "M"}${across(f, x, px).toFixed(1)} ${up(f, y, py).toFixed(1)}`;
      pen = true;
    }
    return text;
  };
  const moved = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(x.low + (((event.clientX - box.left) / box.width) * f.w - f.left) / (f.w - f.left - f.right) * (x.high - x.low));
  };
  const near = (line) => line.reduce((best, each) => (each[1] != null && (!best || Math.abs(each[0] - at) < Math.abs(best[0] - at)) ? each : best), null);
  const here = at === null ? [] : series.map((each, place) => [each, place, near(each.points)]).filter((each) => each[2]);
  const ends = series.length === 1 ? `: ${number(series[0].points.at(-1)?.[1])} at step ${series[0].points.at(-1)?.[0]}` : `, ${series.length} jobs`;
  return html`<figure class="chart"><figcaption>${title}<span class="faint">${here.length ? ` · step ${number(here[0][2][0])}${here.length <= 3 ? ` · ${here.map((each) => number(each[2][1])).join(", ")}` : ""}` : ""}</span></figcaption>
    <svg viewBox="0 0 ${f.w} ${f.h}" role="img" aria-label=${title + ends} onMouseMove=${moved} onMouseLeave=${() => setAt(null)}>
      <${Axes} f=${f} x=${x} y=${y}/>
      ${series.map((each, place) => html`<path key=${each.name} class="line c${place % COLOURS}" d=${path(each.points)}><title>${each.name}</title></path>`)}
      ${here.map(([each, place, point]) => (log && point[1] <= 0 ? "" : html`<circle key=${each.name} class="dot c${place % COLOURS}" r="3.5" cx=${across(f, x, point[0])} cy=${up(f, y, point[1])}/>`))}
    </svg></figure>`;
}

const FEW = 1000;

/** Many points, drawn rather than made elements. */
function Cloud({ f, x, y, points, pick }) {
  const canvas = useRef(null);
  const places = useMemo(() => points.map((each) => [across(f, x, each.x), up(f, y, each.y)]), [points]);
  useEffect(() => {
    const paint = canvas.current.getContext("2d"), style = getComputedStyle(document.documentElement);
    const colours = Array.from({ length: COLOURS }, (_, n) => style.getPropertyValue(`--c${n}`));
    paint.setTransform(2, 0, 0, 2, 0, 0);
    paint.clearRect(0, 0, f.w, f.h);
    paint.globalAlpha = 0.55;
    places.forEach(([px, py], place) => {
      paint.fillStyle = colours[points[place].colour % COLOURS];
      paint.fillRect(px - 1.5, py - 1.5, 3, 3);
    });
  }, [places]);
  const near = (event) => {
    const box = canvas.current.getBoundingClientRect(), scaled = f.w / box.width;
    const px = (event.clientX - box.left) * scaled, py = (event.clientY - box.top) * scaled;
    let best = -1, least = 64;
    places.forEach(([ax, ay], place) => {
      const far = (ax - px) ** 2 + (ay - py) ** 2;
      if (far < least) { least = far; best = place; }
    });
    return points[best];
  };
  return html`<canvas ref=${canvas} width=${2 * f.w} height=${2 * f.h} aria-hidden="true" onMouseMove=${(event) => { const found = near(event); canvas.current.title = found ? found.title() : ""; canvas.current.style.cursor = found ? "pointer" : ""; }} onClick=${(event) => { const found = near(event); if (found) pick(found); }}></canvas>`;
}

export function Scatter({ points, xname, yname, logx, logy, pick }) {
  const f = matchMedia("(max-width: 640px)").matches ? TALL : BIG;
  const fit = useMemo(() => points.filter(({ x, y }) => x != null && y != null && (!logx || x > 0) && (!logy || y > 0)), [points, logx, logy]);
  const [x, y] = useMemo(() => [scale(fit.map((each) => each.x), logx), scale(fit.map((each) => each.y), logy)], [fit]);
  return html`<figure class="chart big"><svg viewBox="0 0 ${f.w} ${f.h}" role="img" aria-label=${`${yname} against ${xname}, ${fit.length} jobs`}>
    <${Axes} f=${f} x=${x} y=${y} xname=${xname} yname=${yname}/>
    ${fit.length > FEW ? "" : fit.map((each) => html`<circle key=${each.id} class="dot c${each.colour % COLOURS}" r="5" cx=${across(f, x, each.x)} cy=${up(f, y, each.y)} onClick=${() => pick(each)}><title>${each.title()}</title></circle>`)}</svg>
    ${fit.length > FEW ? html`<${Cloud} f=${f} x=${x} y=${y} points=${fit} pick=${pick}/>` : ""}</figure>`;
}
