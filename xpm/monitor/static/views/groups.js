// Jobs that share a tag, together: how many are in which state, their metrics as mean ± standard deviation.
import { useCallback } from "preact/hooks";
import { get, html, number, shown, total, useAsked, useCalm } from "../lib.js";
import { useNews } from "../live.js";
import { Bar, Empty, Starting, Trouble } from "../parts.js";
import { link } from "../route.js";
import { added } from "./jobs.js";

/** Two digits, and none of what is but rounding. */
const spread = (sd, mean) => (sd <= Math.abs(mean) * 1e-12 ? "0" : String(+sd.toPrecision(2)));

export const Mean = ({ found }) => (found ? html`<span class="mean">${number(found[0])}${found[1] != null ? html`<small> ± ${spread(found[1], found[0])}</small>` : ""}</span>` : "–");

export function Groups({ q, experiment, by }) {
  const asked = useAsked(() => get("results", { q, experiment, by }), [q, experiment, by]);
  const calm = useCalm(asked.again, 2000);
  useNews(useCallback((kind, news) => { if (kind === "reset" || news.changed) calm(); }, [calm]));
  if (asked.problem) return html`<${Trouble} problem=${asked.problem} again=${asked.again}/>`;
  if (!asked.data) return html`<${Starting}/>`;
  const { groups, metrics } = asked.data;
  if (!groups.length) return html`<${Empty} title="No job passes"/>`;
  const tasks = new Set(groups.map((each) => each.task)).size > 1;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Groups"><table class="plain"><caption class="unseen">Jobs by ${by}; metrics as mean and standard deviation</caption>
    <thead><tr>${tasks ? html`<th scope="col">Task</th>` : ""}<th scope="col">${by}</th><th scope="col" class="num">Jobs</th><th scope="col">States</th>${metrics.map((name) => html`<th key=${name} scope="col" class="num">${name}</th>`)}</tr></thead>
    <tbody>${groups.map((each) => html`<tr key=${each.task + shown(each.tags[by])}>${tasks ? html`<td>${each.task}</td>` : ""}
      <th scope="row">${each.tags[by] == null ? html`<span class="faint">without</span>` : html`<a href=${link("jobs", { experiment, q: added(q, by, each.tags[by]) })}>${shown(each.tags[by])}</a>`}</th>
      <td class="num">${total(each.counts).toLocaleString("en")}</td><td><${Bar} counts=${each.counts}/></td>
      ${metrics.map((name) => html`<td key=${name} class="num"><${Mean} found=${each.metrics[name]}/></td>`)}</tr>`)}</tbody></table></div>`;
}
