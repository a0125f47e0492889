// One job: what it is, how it went, what it says.
import { useCallback, useState } from "preact/hooks";
import { ago, clock, duration, get, html, number, OVER, SHORT, shown, size, useAsked, useCalm, useNow } from "../lib.js";
import { useNews } from "../live.js";
import { Empty, JobLink, Progress, Starting, State, Tags, Trouble } from "../parts.js";
import { link, set } from "../route.js";
import { Curves } from "./charts.js";
import { Log } from "./log.js";

const AGAIN = new Set(["failed", "cancelled", "lost", "skipped"]);

function Parameters({ job, against }) {
  const names = [...new Set([...Object.keys(job.parameters), ...Object.keys(job.other || {})])];
  const differ = (name) => job.other && job.parameters[name] !== job.other[name];
  const rows = against && job.other ? names.filter(differ) : names;
  return html`<section aria-labelledby="parameters"><h2 id="parameters">Parameters</h2>
    ${job.siblings.length ? html`<label class="by">Compare with <select value=${against} onChange=${(event) => set({ with: event.target.value })}><option value="">no other job</option>${job.siblings.map((each) => html`<option key=${each.id} value=${each.id}>${each.id.slice(0, SHORT)} ${each.state} ${Object.entries(each.tags).map(([name, value]) => `${name}=${shown(value)}`).join(" ")}</option>`)}${against && !job.siblings.some((each) => each.id === against) ? html`<option value=${against}>${against.slice(0, SHORT)}</option>` : ""}</select></label>` : ""}
    ${names.length ? html`<table class="plain"><caption class="unseen">Parameters${against ? " that differ" : ""}</caption>
      ${against ? html`<thead><tr><th scope="col">differs</th><th scope="col">this job</th><th scope="col"><${JobLink} job=${{ task: job.task, id: against }}/></th></tr></thead>` : ""}
      <tbody>${rows.map((name) => html`<tr key=${name}><th scope="row">${name}</th><td><code>${job.parameters[name] ?? "–"}</code></td>${against ? html`<td><code>${job.other?.[name] ?? "–"}</code></td>` : ""}</tr>`)}
      ${against && !rows.length ? html`<tr><td colspan="3" class="faint">All values are the same.</td></tr>` : ""}</tbody></table>` : html`<p class="faint">Nothing here tells its values.</p>`}</section>`;
}

function Attempts({ job, now }) {
  return html`<section aria-labelledby="attempts"><h2 id="attempts">Attempts</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="All attempts"><table class="plain"><thead><tr><th scope="col">#</th><th scope="col">State</th><th scope="col">Where</th><th scope="col">Started</th><th scope="col" class="num">Took</th><th scope="col" class="num">Memory</th><th scope="col" class="num">CPU</th></tr></thead>
    <tbody>${[...job.attempts].reverse().map((each) => html`<tr key=${each.attempt}><td>${each.attempt}</td><td><${State} state=${each.state} cause=${each.cause}/></td><td>${each.host || ""}${each.batch ? html` <small>${each.batch}</small>` : ""}</td><td title=${clock(each.started)}>${each.started ? ago(each.started, now) : ""}</td><td class="num">${each.started ? duration((each.ended || (OVER.has(each.state) ? each.started : now)) - each.started) : ""}</td><td class="num">${each.max_rss_kib ? size(each.max_rss_kib * 1024) : "–"}</td><td class="num">${each.cpu_s != null ? duration(each.cpu_s) : "–"}</td></tr>`)}</tbody></table></div>
    ${job.attempts.at(-1)?.equipment.length ? html`<p class="faint">${job.attempts.at(-1).equipment.join(" · ")}</p>` : ""}</section>`;
}

function Resources({ job }) {
  const last = job.attempts.at(-1);
  const used = last ? [["time", last.ended && last.started ? duration(last.ended - last.started) : ""], ["memory", last.max_rss_kib ? size(last.max_rss_kib * 1024) : ""], ["CPU time", last.cpu_s != null ? duration(last.cpu_s) : ""]].filter(([, value]) => value) : [];
  return html`<section aria-labelledby="resources"><h2 id="resources">Resources</h2><div class="pair">
    <div><h3>asked</h3><dl>${job.asked.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div>
    <div><h3>used</h3>${used.length ? html`<dl>${used.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>` : html`<p class="faint">Not told yet.</p>`}</div></div></section>`;
}

function Files({ job, wish }) {
  const base = `/files/${encodeURIComponent(job.task)}/${encodeURIComponent(job.id)}/`;
  const address = (path) => (path.isWellFormed && !path.isWellFormed() ? null : base + path.split("/").map(encodeURIComponent).join("/")); // a name that is no text has no address
  return html`<section aria-labelledby="files"><h2 id="files">Files</h2>
    ${job.files.length ? html`<div class="scroll short" tabindex="0" role="region" aria-label="Files here"><table class="plain"><caption class="unseen">Files of this job, here</caption><tbody>${job.files.map(([path, bytes]) => html`<tr key=${path}><th scope="row">${address(path) ? html`<a href=${address(path)} target="_blank" rel="noopener">${path}</a>` : path}</th><td class="num">${size(bytes)}</td><td>${address(path) ? html`<a href=${`${address(path)}?download`} aria-label=${`Download ${path}`}>↓</a>` : ""}</td></tr>`)}</tbody></table></div>` : html`<p class="faint">No files here yet.</p>`}
    ${job.more_files ? html`<p class="faint">There are more: ${job.path}</p>` : ""}
    ${job.stayed.length ? html`<h3>on ${job.connector} still</h3><table class="plain"><tbody>${job.stayed.slice(0, 20).map(([path, bytes, why]) => html`<tr key=${path}><th scope="row">${path}</th><td class="num">${size(bytes)}</td><td class="faint">${why}</td></tr>`)}</tbody></table><button type="button" onClick=${() => wish({ action: "pull", what: { jobs: [[job.task, job.id]] } })}>Pull them …</button>` : ""}</section>`;
}

function Metrics({ job }) {
  const asked = useAsked(() => get("curves", { jobs: `${job.task}/${job.id}` }), [job.task, job.id]);
  const calm = useCalm(asked.again, 3000);
  useNews(useCallback((kind, news) => { if (kind === "reset" || news.rows.some((row) => row.id === job.id) || Object.keys(news.progress).some((key) => key.endsWith(job.id))) calm(); }, [calm, job.id]));
  const found = asked.data?.[0]?.curves || {};
  const names = Object.keys(found).slice(0, 6);
  if (!names.length) return "";
  return html`<section aria-labelledby="metrics" class="wide"><h2 id="metrics">Learning curves</h2><div class="charts">${names.map((name) => html`<${Curves} key=${name} title=${name} series=${[{ name: job.id.slice(0, SHORT), points: found[name] }]}/>`)}</div></section>`;
}

export function Job({ route, wish }) {
  const [task, id] = route.rest;
  const against = route.query.with || "";
  const asked = useAsked(() => get(`job/${encodeURIComponent(task)}/${encodeURIComponent(id)}`, { with: against }), [task, id, against]);
  const [live, setLive] = useState(null);
  const calm = useCalm(asked.again, 400);
  useNews(useCallback((kind, news) => {
    if (kind === "reset" || news.rows.some((row) => row.id === id) || news.changed > news.rows.length) calm();
    else {
      const found = Object.entries(news.progress).find(([key]) => key.endsWith(`/${task}/${id}`));
      if (found) setLive(found[1]);
    }
  }, [calm, id]));
  const now = useNow(1000);
  if (!asked.data) return asked.problem ? html`<${Empty} title=${asked.problem.status === 404 ? "There is no such job here" : "This job cannot be shown"}><${Trouble} problem=${asked.problem} again=${asked.again}/><p><a href=${link("jobs")}>All jobs</a></p></${Empty}>` : html`<${Starting}/>`;
  const job = asked.data;
  const last = job.attempts.at(-1);
  const what = { jobs: [[job.task, job.id]] };
  const progress = job.state === "running" ? live || job.progress : null;
  const left = progress && progress[0] > 0.02 && last?.started ? (progress[2] - last.started) * (1 / progress[0] - 1) - (now - progress[2]) : null;
  return html`<div class="job">
    <nav aria-label="Where" class="crumbs"><a href=${link("jobs", { experiment: job.experiment })}>${job.experiment}</a> / ${job.task}</nav>
    <div class="title"><h1><code>${job.id.slice(0, SHORT)}</code></h1><${State} state=${job.state} cause=${job.cause}/><${Tags} tags=${job.tags}/>
      <span class="acts">${AGAIN.has(job.state) ? html`<button type="button" class="primary" onClick=${() => wish({ action: "retry", what })}>Retry …</button>` : ""}${OVER.has(job.state) ? "" : html`<button type="button" onClick=${() => wish({ action: "cancel", what })}>Cancel …</button>`}${job.stayed.length ? html`<button type="button" onClick=${() => wish({ action: "pull", what })}>Pull …</button>` : ""}</span></div>
    ${progress ? html`<p class="going"><${Progress} progress=${progress}/> ${progress[1]}${left != null && left > 0 ? html` <span class="faint">about ${duration(left)} left</span>` : ""}</p>` : ""}
    <div class="columns"><div>
      <section aria-labelledby="why"><h2 id="why">${job.state === "done" ? "How it went" : OVER.has(job.state) ? "Why" : "Now"}</h2>
        <dl class="why">${job.why.filter((each) => each.topic !== "log" || !OVER.has(job.state)).map((each, place, all) => html`<dt>${place && all[place - 1].topic === each.topic ? "" : each.topic}</dt><dd>${each.text}</dd>`)}</dl>
        ${last?.error ? html`<pre class="error">${last.error}</pre>` : ""}
        <p class="faint">on ${job.connector}${job.batch ? `, batch job ${job.batch}` : ""} · seen ${ago(job.seen_at, now)}${job.where ? ` · submitted at ${job.where}` : ""}</p></section>
      <${Log} job=${job}/>
      <${Metrics} job=${job}/>
    </div><div>
      <${Parameters} job=${job} against=${against}/>
      <${Resources} job=${job}/>
      <${Attempts} job=${job} now=${now}/>
      <${Files} job=${job} wish=${wish}/>
      ${job.parents.length || job.children.length ? html`<section aria-labelledby="around"><h2 id="around">Depends on, and used by</h2><ul class="brief">${job.parents.map((each) => html`<li key=${each.id}>← <${JobLink} job=${each}/> ${each.task} <${State} state=${each.state}/></li>`)}${job.children.map((each) => html`<li key=${each.id}>→ <${JobLink} job=${each}/> ${each.task} <${State} state=${each.state}/></li>`)}</ul></section>` : ""}
      <section aria-labelledby="story"><h2 id="story">Story</h2><ol class="story">${job.story.map((each, place) => html`<li key=${place}><time dateTime=${new Date(each.at * 1000).toISOString()} title=${clock(each.at)}>${ago(each.at, now)}</time> ${each.text}</li>`)}</ol>
        <p class="faint"><code>${job.path}</code></p></section>
    </div></div></div>`;
}
