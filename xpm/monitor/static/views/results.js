// Tags against metrics: a table, a scatter, learning curves side by side.
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, html, many, number, quoted, SHORT, shown, useAsked, useCalm } from "../lib.js";
import { useNews } from "../live.js";
import { Command, Empty, JobLink, Starting, State, Trouble } from "../parts.js";
import { go, set } from "../route.js";
import { COLOURS, Curves, Scatter } from "./charts.js";
import { Mean } from "./groups.js";
import { Filter, together } from "./jobs.js";

const HIGH = 33;
const BEYOND = 10;

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
  const { q = "", experiment = "", by = "" } = route.query;
  const asked = useAsked(() => get("results", { q, experiment, by }), [q, experiment, by]);
  const facets = useAsked(() => get("jobs", { experiment, limit: 0, facets: 1 }), [experiment]);
  const calm = useCalm(asked.again, 3000);
  useNews(useCallback((kind, news) => { if (kind === "reset" || news.changed) calm(); }, [calm]));
  const head = html`<h1 class="unseen">Results</h1><${Filter} route=${route} overview=${overview} tags=${facets.data?.tags} tasks=${facets.data?.tasks} problem=${asked.problem?.status === 400 ? asked.problem : null}/>`;
  if (!asked.data) return html`${head}${asked.problem && asked.problem.status !== 400 ? html`<${Trouble} problem=${asked.problem} again=${asked.again}/>` : asked.problem ? "" : html`<
${Starting}/>`}`;
  const { jobs, measured } = asked.data;
  if (!measured) return html`${head}<${Empty} title=${jobs ? "No job has left metrics yet" : "No job passes"}>${jobs ? html`<p>Write <code>metrics.json</code>, <code>metrics.csv</code>, <code>metrics.jsonl</code> or TensorBoard's events into the job's folder, and they appear here.</p>` : ""}</${Empty}>`;
  return html`<div class="results">${head}<${Measured} data=${asked.data} query=${route.query} q=${together(q, experiment, [])} isOne=${experiment || overview.experiments.length === 1}/></div>`;
}

/** Rows of the same height, of which those exist that somebody sees. */
function Rows({ rows, columns, head, row, label }) {
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, height: 500 });
  const look = () => setView({ top: box.current.scrollTop, height: box.current.clientHeight });
  useEffect(look, [rows.length]);
  const first = Math.max(0, Math.floor(view.top / HIGH) - BEYOND), last = Math.min(rows.length, Math.ceil((view.top + view.height) / HIGH) + BEYOND);
  const gap = (high) => (high > 0 ? html`<tr aria-hidden="true" class="gap"><td colspan=${columns} style=${{ height: `${high}px` }}></td></tr>` : "");
  return html`<div class="scroll tall" tabindex="0" role="region" aria-label=${label} ref=${box} onScroll=${look}><table class="plain even" aria-rowcount=${rows.length + 1}><caption class="unseen">Metrics of each job</caption>${head}
    <tbody>${gap(first * HIGH)}${rows.slice(first, last).map((each, place) => row(each, first + place + 2))}${gap((rows.length - last) * HIGH)}</tbody></table></div>`;
}

function Measured({ data, query, q, isOne }) {
  const { rows, tags, metrics, groups, jobs, measured } = data;
  const { by = "", x = "", y = "", colour = "", log = "", sort = "" } = query;
  const [chosen, setChosen] = useState(new Map());
  const numeric = useMemo(() => tags.filter((name) => rows.some((row) => typeof row.tags[name] === "number")), [data]);
  const yname = y || metrics[0], xname = x || numeric[0] || metrics[1] || metrics[0];
  const kinds = useMemo(() => (colour ? [...new Set(rows.map((row) => shown(row.tags[colour] ?? "without")))] : []), [data, colour]);
  const points = useMemo(() => {
    const value = (row, name) => row.metrics[name] ?? (typeof row.tags[name] === "number" ? row.tags[name] : null);
    return rows.map((row) => ({
      id: row.id, task: row.task, x: value(row, xname), y: value(row, yname), colour: colour ? kinds.indexOf(shown(row.tags[colour] ?? "without")) : 0,
      title: () => `${row.id.slice(0, SHORT)} ${Object.entries(row.tags).map(([name, each]) => `${name}=${shown(each)}`).join(" ")}\n${xname} ${number(value(row, xname))}, ${yname} ${number(value(row, yname))}`,
    }));
  }, [data, xname, yname, colour]);
  const flip = (row) => { const next = new Map(chosen); if (!next.delete(row.id)) next.set(row.id, row); setChosen(next); };
  const sorted = (name) => set({ sort: sort === name ? `-${name}` : sort === `-${name}` ? "" : name });
  const found = useMemo(() => ordered(rows, sort), [data, sort]);
  const Head = ({ name, num }) => html`<th scope="col" class=${num ? "num" : null} aria-sort=${sort === name ? "ascending" : sort === `-${name}` ? "descending" : null}><button type="button" onClick=${() => sorted(name)}>${name}${sort === name ? " ↑" : sort === `-${name}` ? " ↓" : ""}</button></th>`;
  return html`<section aria-label="Scatter" class="card"><div class="tools"><${Choice} label="Across" name="x" value=${xname} options=${[...numeric, ...metrics]}/><${Choice} label="Up" name="y" value=${yname} options=${[...metrics, ...numeric]}/><${Choice} label="Colour" name="colour" value=${colour} options=${tags} none="one"/><${Choice} label="Logarithmic" name="log" value=${log} options=${["x", "y", "xy"]} none="no"/></div>
      <${Scatter} points=${points} xname=${xname} yname=${yname} logx=${log.includes("x")} logy=${log.includes("y")} pick=${(row) => go("job", {}, row.task, row.id)}/>
      ${kinds.length ? html`<ul class="legend">${kinds.slice(0, 16).map((kind, place) => html`<li key=${kind}><i class="c${place % COLOURS}" aria-hidden="true"></i>${colour}=${kind}</li>`)}</ul>` : ""}</section>
    ${chosen.size ? html`<section class="card" aria-labelledby="curves"><h2 id="curves">Learning curves of ${many(chosen.size)} <button type="button" class="quiet" onClick=${() => setChosen(new Map())}>none</button></h2><${Chosen} jobs=${[...chosen.values()]}/></section>` : ""}
    <div class="tools"><${Choice} label="Group by" name="by" value=${by} options=${tags} none="nothing"/><span class="total" role="status">${many(measured)} of ${many(jobs)} left metrics</span><span class="faint">${chosen.size || by ? "" : "choose jobs to see their learning curves"}</span></div>
    ${by ? html`<div class="scroll" tabindex="0" role="region" aria-label="Results"><table class="plain"><caption class="unseen">Means by ${by}</caption><thead><tr><th scope="col">Task</th><th scope="col">${by}</th><th scope="col" class="num">Jobs</th>${metrics.map((name) => html`<th key=${name} scope="col" class="num">${name}</th>`)}</tr></thead>
      <tbody>${groups.map((each) => html`<tr key=${each.task + shown(each.tags[by])}><td>${each.task}</td><th scope="row">${each.tags[by] == null ? "–" : shown(each.tags[by])}</th><td class="num">${each.jobs}</td>${metrics.map((name) => html`<td key=${name} class="num"><${Mean} found=${each.metrics[name]}/></td>`)}</tr>`)}</tbody></table></div>`
    : html`<${Rows} rows=${found} columns=${3 + tags.length + metrics.length} label="Results"
      head=${html`<thead><tr><th scope="col"><span class="unseen">Curves</span></th><th scope="col">Job</th><th scope="col">State</th>${tags.map((name) => html`<${Head} key=${`t${name}`} name=${name}/>`)}${metrics.map((name) => html`<${Head} key=${`m${name}`} name=${name} num/>`)}</tr></thead>`}
      row=${(row, place) => html`<tr key=${row.id} aria-rowindex=${place} class=${chosen.has(row.id) ? "chosen" : null}><td><input type="checkbox" aria-label=${`Curves of ${row.id.slice(0, SHORT)}`} checked=${chosen.has(row.id)} onChange=${() => flip(row)}/></td><th scope="row"><${JobLink} job=${row}/></th><td><${State} state=${row.state}/></td>${tags.map((name) => html`<td key=${`t${name}`}>${row.tags[name] === undefined ? "–" : shown(row.tags[name])}</td>`)}${metrics.map((name) => html`<td key=${`m${name}`} class="num">${number(row.metrics[name])}</td>`)}</tr>`}/>`}
    ${rows.length < measured ? html`<p class="faint">The first ${many(rows.length)} of ${measured.toLocaleString("en")}: filter or group to see others; <code>xpm results</code> writes all.</p>` : ""}
    <div class="keys faint"><${Command} text=${!isOne ? "" : `xpm results${q ? ` ${quoted(q)}` : ""}${by ? ` --by ${quoted(by)}` : ""}${sort ? ` --sort ${quoted(sort)}` : ""} --all`}/></div>`;
}
