// The plan as a graph, folded: one box for all jobs of a task.
import { useCallback } from "preact/hooks";
import { get, html, many, total, useAsked, useCalm } from "../lib.js";
import { useNews } from "../live.js";
import { Counts, Empty, Starting, Trouble } from "../parts.js";
import { link, set } from "../route.js";
import { ORDER } from "../lib.js";
import { added } from "./jobs.js";

const WIDTH = 210, HIGH = 74, GAPX = 70, GAPY = 22, EDGE = 8;

/** The column of each box: one more than that of the last it depends on. */
function layers(nodes, edges) {
  const column = nodes.map(() => 0);
  for (let round = 0, moved = true; moved && round < nodes.length; round++) {
    moved = false;
    for (const [from, to] of edges) if (from !== to && column[to] < column[from] + 1) { column[to] = column[from] + 1; moved = true; }
  }
  return column;
}

function Box({ node, x, y, experiment }) {
  const all = total(node.counts);
  const inner = WIDTH - 24;
  let at = 0;
  const parts = [...ORDER].reverse().filter((state) => node.counts[state]).map((state) => {
    const width = (node.counts[state] / all) * inner;
    at += width;
    return html`<rect key=${state} class="fill ${state}" x=${x + 12 + at - width} y=${y + HIGH - 18} width=${Math.max(1, width)} height="7"/>`;
  });
  const name = node.task.length > 26 ? `…${node.task.slice(-25)}` : node.task;
  const q = node.value ? (([tag, ...value]) => added(`task=${node.task}`, tag, value.join("=")))(node.value.split("=")) : `task=${node.task}`;
  const words = ORDER.filter((state) => node.counts[state]).map((state) => `${node.counts[state]} ${state}`).join(", ");
  return html`<a href=${link("jobs", { experiment, q })} aria-label=${`${name} ${node.value ? `${node.value} · ` : ""}${many(all)}: ${words}`}><rect class="box" x=${x} y=${y} width=${WIDTH} height=${HIGH} rx="8"/>
    <text x=${x + 12} y=${y + 24} class="task">${name}</text>${" "}<text x=${x + 12} y=${y + 43} class="sub">${node.value ? `${node.value} · ` : ""}${many(all)}</text>${parts}</a>`;
}

export function Graph({ route, overview }) {
  const experiment = route.query.experiment || overview.experiments[0]?.id || "";
  const by = route.query.by || "";
  const asked = useAsked(() => (experiment ? get("graph", { experiment, by }) : Promise.resolve({ nodes: [], edges: [], tags: [] })), [experiment, by]);
  const calm = useCalm(asked.again, 800);
  useNews(useCallback((kind, news) => { if (kind === "reset" || news.changed || news.gone) calm(); }, [calm]));
  if (!asked.data) return asked.problem ? html`<${Trouble} problem=${asked.problem} again=${asked.again}/>` : html`<${Starting}/>`;
  const { nodes, edges, tags } = asked.data;
  if (!nodes.length) return html`<h1 class="unseen">Graph</h1><${Empty} title="No jobs, no graph"><p><code>xpm run plan.py</code> makes one.</p></${Empty}>`;
  const column = layers(nodes, edges);
  const rows = new Map();
  const places = nodes.map((_, place) => {
    const row = rows.get(column[place]) || 0;
    rows.set(column[place], row + 1);
    return [EDGE + column[place] * (WIDTH + GAPX), EDGE + row * (HIGH + GAPY)];
  });
  const width = Math.max(...places.map(([x]) => x)) + WIDTH + EDGE, height = Math.max(...places.map(([, y]) => y)) + HIGH + EDGE;
  const counts = nodes.reduce((sum, node) => { for (const [state, count] of Object.entries(node.counts)) sum[state] = (sum[state] || 0) + count; return sum; }, {});
  return html`<h1 class="unseen">Graph</h1><div class="tools">
      <label class="by">Experiment <select value=${experiment} onChange=${(event) => set({ experiment: event.target.value })}>${overview.experiments.map((each) => html`<option key=${each.id} value=${each.id}>${each.id}</option>`)}</select></label>
      <label class="by">Unfold by <select value=${by} onChange=${(event) => set({ by: event.target.value })}><option value="">nothing</option>${tags.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>
      ${by && !asked.data.by ? html`<span class="wrong">too many values of ${by} to unfold</span>` : ""}<${Counts} counts=${counts}/></div>
    <div class="scroll graph" tabindex="0" role="region" aria-label="The plan's graph"><svg width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="group" aria-label=${`${nodes.length} tasks`}>
      ${edges.filter(([from, to]) => from !== to).map(([from, to, count]) => {
        const x1 = places[from][0] + WIDTH, y1 = places[from][1] + HIGH / 2, x2 = places[to][0], y2 = places[to][1] + HIGH / 2, bend = Math.max(30, (x2 - x1) / 2);
        return html`<g key=${`${from}-${to}`} class="edge"><path d=${`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`}/><path class="tip" d=${`M${x2 - 7} ${y2 - 4}L${x2} ${y2}L${x2 - 7} ${y2 + 4}`}/>${count > 1 ? html`<text x=${(x1 + x2) / 2} y=${(y1 + y2) / 2 - 6} text-anchor="middle">${count.toLocaleString("en")}</text>` : ""}</g>`;
      })}
      ${nodes.map((node, place) => html`<${Box} key=${node.task + node.value} node=${node} x=${places[place][0]} y=${places[place][1]} experiment=${experiment}/>`)}</svg></div>
    <table class="unseen"><caption>What depends on what</caption><tbody>${edges.map(([from, to, count]) => html`<tr key=${`${from}-${to}`}><td>${nodes[to].task} ${nodes[to].value}</td><td>uses ${nodes[from].task} ${nodes[from].value}</td><td>${count} times</td></tr>`)}</tbody></table>`;
}
