// Curves and points, in SVG of our own.
import { useState } from "preact/hooks";
import { html, number } from "../lib.js";

const W = 420, H = 220, LEFT = 52, BOTTOM = 26, TOP = 10, RIGHT = 20;
export const COLOURS = 8;

function ticks(low, high, count = 4) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return found;
}

function scale(values, log) {
  const fit = values.filter((each) => each != null && isFinite(each) && (!log || each > 0)).map((each) => (log ? Math.log10(each) : each));
  let low = Math.min(...fit), high = Math.max(...fit);
  if (!fit.length) { low = 0; high = 1; }
  if (low === high) { low -= Math.abs(low) / 10 || 1; high += Math.abs(high) / 10 || 1; }
  return { low, high, log, of: (value) => ((log ? Math.log10(value) : value) - low) / (high - low) };
}

const across = (x, value) => LEFT + x.of(value) * (W - LEFT - RIGHT);
const up = (y, value) => H - BOTTOM - y.of(value) * (H - BOTTOM - TOP);

function Axes({ x, y, xname, yname }) {
  const value = (axis, at) => (axis.log ? 10 ** at : at);
  return html`<g class="axes" aria-hidden="true">
    ${ticks(y.low, y.high).map((at) => { const v = value(y, at); return html`<g key=${at}><line x1=${LEFT} x2=${W - RIGHT} y1=${up(y, v)} y2=${up(y, v)}/><text x=${LEFT - 6} y=${up(y, v) + 4} text-anchor="end">${number(v)}</text></g>`; })}
    ${ticks(x.low, x.high, 5).map((at) => { const v = value(x, at); return html`<text key=${at} x=${across(x, v)} y=${H - BOTTOM + 16} text-anchor="middle">${number(v)}</text>`; })}
    ${xname ? html`<text class="axis" x=${W - RIGHT} y=${H - BOTTOM - 5} text-anchor="end">${xname}</text>` : ""}${yname ? html`<text class="axis" x=${LEFT + 4} y=${TOP + 8}>${yname}</text>` : ""}</g>`;
}

export function Curves({ title, series, log = false }) {
  const [at, setAt] = useState(null);
  const points = series.flatMap((each) => each.points);
  const x = scale(points.map((each) => each[0])), y = scale(points.map((each) => each[1]), log);
  const path = (line) => {
    let text = "", pen = false;
    for (const [px, py] of line) {
      if (py == null || (log && py <= 0)) { pen = false; continue; }
      text += `${pen ? "L" : "M"}${across(x, px).toFixed(1)} ${up(y, py).toFixed(1)}`;
      pen = true;
    }
    return text;
  };
  const moved = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(x.low + (((event.clientX - box.left) / box.width) * W - LEFT) / (W - LEFT - RIGHT) * (x.high - x.low));
  };
  const near = (line) => line.reduce((best, each) => (each[1] != null && (!best || Math.abs(each[0] - at) < Math.abs(best[0] - at)) ? each : best), null);
  const here = at === null ? [] : series.map((each, place) => [each, place, near(each.points)]).filter((each) => each[2]);
  const ends = series.length === 1 ? `: ${number(series[0].points.at(-1)?.[1])} at step ${series[0].points.at(-1)?.[0]}` : `, ${series.length} jobs`;
  return html`<figure class="chart"><figcaption>${title}<span class="faint">${here.length ? ` · step ${number(here[0][2][0])}${here.length <= 3 ? ` · ${here.map((each) => number(each[2][1])).join(", ")}` : ""}` : ""}</span></figcaption>
    <svg viewBox="0 0 ${W} ${H}" role="img" aria-label=${title + ends} onMouseMove=${moved} onMouseLeave=${() => setAt(null)}>
      <${Axes} x=${x} y=${y}/>
      ${series.map((each, place) => html`<path key=${each.name} class="line c${place % COLOURS}" d=${path(each.points)}><title>${each.name}</title></path>`)}
      ${here.map(([each, place, point]) => (log && point[1] <= 0 ? "" : html`<circle key=${each.name} class="dot c${place % COLOURS}" r="3.5" cx=${across(x, point[0])} cy=${up(y, point[1])}/>`))}
    </svg></figure>`;
}

export function Scatter({ points, xname, yname, logx, logy, pick }) {
  const fit = points.filter(({ x, y }) => x != null && y != null && (!logx || x > 0) && (!logy || y > 0));
  const x = scale(fit.map((each) => each.x), logx), y = scale(fit.map((each) => each.y), logy);
  return html`<figure class="chart big"><svg viewBox="0 0 ${W} ${H}" role="img" aria-label=${`${yname} against ${xname}, ${fit.length} jobs`}>
    <${Axes} x=${x} y=${y} xname=${xname} yname=${yname}/>
    ${fit.slice(0, 3000).map((each) => html`<circle key=${each.id} class="dot c${each.colour % COLOURS}" r=${fit.length > 500 ? 2 : 3.5} cx=${across(x, each.x)} cy=${up(y, each.y)} onClick=${() => pick(each)}><title>${each.title}</title></circle>`)}</svg></figure>`;
}
