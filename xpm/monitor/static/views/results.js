// Tags against metrics: a table, a scatter, learning curves side by side.
import { useCallback, useState } from "preact/hooks";
import { get, html, many, number, SHORT, shown, useAsked, useCalm } from "../lib.js";
import { useNews } from "../live.js";
import { Empty, JobLink, Starting, State, Trouble } from "../parts.js";
import { go, set } from "../route.js";
import { COLOURS, Curves, Scatter } from "./charts.js";
import { Mean } from "./groups.js";
import { Filter } from "./jobs.js";

const ROWS = 200;

const Choice = ({ label, name, value, options, none }) => html`<label class="by">${label} <select value=${value} onChange=${(event) => set({ [name]: event.target.value })}>${none ? html`<option value="">${none}</option>` : ""}${options.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select></label>`;

function ordered(rows, sort) {
  const name = sort.replace(/^-/, ""), sign = sort.startsWith("-") ? -1 : 1;
  const value = (row) => row.metrics[name] ?? row.tags[name];
  if (!name) return rows;
  return [...rows].sort((one, other) => {
    const a = value(one), b = value(other);
    if (a == null || b == null) return (a == null) - (b == null);
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  });
}

function Chosen({ jobs }) {
  const asked = useAsked(() => get("curves", { jobs: jobs.map((each) => `${each.task}/${each.id}`).join(",") }), [jobs.map((each) => each.id).join()]);
  const [log, setLog] = useState(false);
  if (!asked.data) return html`<${Starting}/>`;
  const label = Object.fromEntries(jobs.map((each) => [each.id, `${each.id.slice(0, SHORT)} ${Object.entries(each.tags).map(([name, value]) => `${name}=${shown(value)}`).join(" ")}`]));
  const names = [...new Set(asked.data.flatMap((each) => Object.keys(each.curves)))];
  if (!names.length) return html`<p class="faint">${jobs.length === 1 ? "This job has" : "These jobs have"} no curves: a curve needs several steps in <code>metrics.csv</code>, <code>metrics.jsonl</code> or TensorBoard's events.</p>`;
  return html`<label class="by"><input type="checkbox" checked=${log} onChange=${() => setLog(!log)}/> logarithmic</label>
    <ul class="legend">${asked.data.map((each, place) => html`<li key=${each.id}><i class="c${place % COLOURS}" aria-hidden="true"></i>${label[each.id]}</li>`)}</ul>
    <div class="charts">${names.slice(0, 8).map((name) => html`<${Curves} key=${name} title=${name} log=${log} series=${asked.data.filter((each) => each.curves[name]).map((each) => ({ name: label[each.id], points: each.curves[name] }))}/>`)}</div>`;
}

export function Results({ route, overview }) {
  const { q = "", experiment = "", by = "", x = "", y = "", colour = "", log = "", sort = "" } = route.query;
  const asked = useAsked(() => get("results", { q, experiment, by }), [q, experiment, by]);
  const facets = useAsked(() => get("jobs", { experiment, limit: 0, facets: 1 }), [experiment]);
  const calm = useCalm(asked.again, 3000);
  useNews(useCallback((kind, news) => { if (kind === "reset" || news.changed) calm(); }, [calm]));
  const [chosen, setChosen] = useState(new Map());
  const head = html`<h1 class="unseen">Results</h1><${Filter} route=${route} overview=${overview} tags=${facets.data?.tags} tasks=${facets.data?.tasks} problem=${asked.problem?.status === 400 ? asked.problem : null}/>`;
  if (!asked.data) return html`${head}${asked.problem && asked.problem.status !== 400 ? html`<${Trouble} problem=${asked.problem} again=${asked.again}/>` : asked.problem ? "" : html`<${Starting}/>`}`;
  const { rows, tags, metrics, groups, jobs, measured } = asked.data;
  if (!measured) return html`${head}<${Empty} title=${jobs ? "No job has left metrics yet" : "No job passes"}>${jobs ? html`<p>Write <code>metrics.json</code>, <code>metrics.csv</code>, <code>metrics.jsonl</code> or TensorBoard's events into the job's folder, and they appear here.</p>` : ""}</${Empty}>`;
  const numeric = tags.filter((name) => rows.some((row) => typeof row.tags[name] === "number"));
  const yname = y || metrics[0], xname = x || numeric[0] || metrics[1] || metrics[0];
  const value = (row, name) => row.metrics[name] ?? (typeof row.tags[name] === "number" ? row.tags[name] : null);
  const kinds = colour ? [...new Set(rows.map((row) => shown(row.tags[colour] ?? "without")))] : [];
  const points = rows.map((row) => ({ ...row, x: value(row, xname), y: value(row, yname), colour: colour ? kinds.indexOf(shown(row.tags[colour] ?? "without")) : 0, title: `${row.id.slice(0, SHORT)} ${Object.entries(row.tags).map(([name, each]) => `${name}=${shown(each)}`).join(" ")}\n${xname} ${number(value(row, xname))}, ${yname} ${number(value(row, yname))}` }));
  const flip = (row) => { const next = new Map(chosen); if (!next.delete(row.id)) next.set(row.id, row); setChosen(next); };
  const sorted = (name) => set({ sort: sort === name ? `-${name}` : sort === `-${name}` ? "" : name });
  const found = ordered(rows, sort);
  const Head = ({ name, num }) => html`<th scope="col" class=${num ? "num" : null} aria-sort=${sort === name ? "ascending" : sort === `-${name}` ? "descending" : null}><button type="button" onClick=${() => sorted(name)}>${name}${sort === name ? " ↑" : sort === `-${name}` ? " ↓" : ""}</button></th>`;
  return html`<div class="results">${head}
    <section aria-label="Scatter" class="card"><div class="tools"><${Choice} label="Across" name="x" value=${xname} options=${[...numeric, ...metrics]}/><${Choice} label="Up" name="y" value=${yname} options=${[...metrics, ...numeric]}/><${Choice} label="Colour" name="colour" value=${colour} options=${tags} none="one"/><${Choice} label="Logarithmic" name="log" value=${log} options=${["x", "y", "xy"]} none="no"/></div>
      <${Scatter} points=${points} xname=${xname} yname=${yname} logx=${log.includes("x")} logy=${log.includes("y")} pick=${(row) => go("job", {}, row.task, row.id)}/>
      ${kinds.length ? html`<ul class="legend">${kinds.slice(0, 16).map((kind, place) => html`<li key=${kind}><i class="c${place % COLOURS}" aria-hidden="true"></i>${colour}=${kind}</li>`)}</ul>` : ""}</section>
    ${chosen.size ? html`<section class="card" aria-labelledby="curves"><h2 id="curves">Learning curves of ${many(chosen.size)} <button type="button" class="quiet" onClick=${() => setChosen(new Map())}>none</button></h2><${Chosen} jobs=${[...chosen.values()]}/></section>` : ""}
    <div class="tools"><${Choice} label="Group by" name="by" value=${by} options=${tags} none="nothing"/><span class="total" role="status">${many(measured)} of ${many(jobs)} left metrics</span><span class="faint">${chosen.size || by ? "" : "choose jobs to see their learning curves"}</span></div>
    <div class="scroll" tabindex="0" role="region" aria-label="Results">${by ? html`<table class="plain"><caption class="unseen">Means by ${by}</caption><thead><tr><th scope="col">Task</th><th scope="col">${by}</th><th scope="col" class="num">Jobs</th>${metrics.map((name) => html`<th key=${name} scope="col" class="num">${name}</th>`)}</tr></thead>
      <tbody>${groups.map((each) => html`<tr key=${each.task + shown(each.tags[by])}><td>${each.task}</td><th scope="row">${each.tags[by] == null ? "–" : shown(each.tags[by])}</th><td class="num">${each.jobs}</td>${metrics.map((name) => html`<td key=${name} class="num"><${Mean} found=${each.metrics[name]}/></td>`)}</tr>`)}</tbody></table>`
    : html`<table class="plain"><caption class="unseen">Metrics of each job</caption><thead><tr><th scope="col"><span class="unseen">Curves</span></th><th scope="col">Job</th><th scope="col">State</th>${tags.map((name) => html`<${Head} key=${`t${name}`} name=${name}/>`)}${metrics.map((name) => html`<${Head} key=${`m${name}`} name=${name} num/>`)}</tr></thead>
      <tbody>${found.slice(0, ROWS).map((row) => html`<tr key=${row.id} class=${chosen.has(row.id) ? "chosen" : null}><td><input type="checkbox" aria-label=${`Curves of ${row.id.slice(0, SHORT)}`} checked=${chosen.has(row.id)} onChange=${() => flip(row)}/></td><th scope="row"><${JobLink} job=${row}/></th><td><${State} state=${row.state}/></td>${tags.map((name) => html`<td key=${`t${name}`}>${row.tags[name] === undefined ? "–" : shown(row.tags[name])}</td>`)}${metrics.map((name) => html`<td key=${`m${name}`} class="num">${number(row.metrics[name])}</td>`)}</tr>`)}</tbody></table>`}</div>
    ${!by && rows.length > ROWS ? html`<p class="faint">The first ${ROWS} of ${many(measured)}: filter, sort or group to see others; <code>xpm results</code> writes all.</p>` : ""}</div>`;
}
