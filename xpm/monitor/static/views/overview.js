// Everything at a glance: experiments, what failed, what runs, the places.
import { useCallback, useState } from "preact/hooks";
import { ago, duration, html, many, post, Problem, SHORT, useNow } from "../lib.js";
import { useNews } from "../live.js";
import { Bar, Counts, Empty, JobLink, Progress, State, Tags } from "../parts.js";
import { forgetNews, news } from "../looked.js";
import { link } from "../route.js";

const ALIVE = ["failed", "lost", "unknown", "cancelled", "skipped", "done", "running"];

/** What has changed while nobody looked, failures first. */
function Since({ overview, found, now, seen }) {
  const failed = overview.failures.filter((each) => found.failed.has(each.id.slice(0, 12)));
  return html`<section class="card since" aria-labelledby="since"><header><h2 id="since">Since you last looked, ${ago(found.at, now)}</h2><button type="button" class="quiet" onClick=${seen}>Seen</button></header>
    ${failed.length ? html`<ul class="brief">${failed.map((each) => html`<li key=${each.key}><div><${State} state=${each.state} cause=${each.cause}/> <${JobLink} job=${each}/> <span>${each.task}</span> <${Tags} tags=${each.tags}/></div><p class="faint">${each.remark}</p></li>`)}</ul>
      ${found.failed.size > failed.length ? html`<p><a href=${link("jobs", { states: "failed,lost" })}>and ${many(found.failed.size - failed.length, "other")}</a></p>` : ""}` : ""}
    <ul class="news">${found.experiments.map(({ id, isNew, more }) => html`<li key=${id}><a href=${link("jobs", { experiment: id })}>${id}</a>${isNew ? html` <small>new</small>` : ""} <span>${ALIVE.filter((state) => more[state]).map((state) => html`<a key=${state} class="gain" href=${link("jobs", { experiment: id, states: state })}>+${more[state].toLocaleString("en")} <${State} state=${state}/></a>`)}</span></li>`)}</ul></section>`;
}

function Experiment({ each, now }) {
  const tasks = Object.entries(each.tasks);
  return html`<article class="card">
    <header><h2><a href=${link("jobs", { experiment: each.id })}>${each.id}</a></h2><${State} state=${each.state}/>
      <span class="faint">${many(each.jobs)} · ${each.ended ? `took ${duration(each.ended - each.started)}, ended ${ago(each.ended, now)}` : `started ${ago(each.started, now)}`}</span></header>
    <${Bar} counts=${each.counts} label=${each.id}/>
    <${Counts} counts=${each.counts}/>
    ${tasks.length > 1 ? html`<table class="tasks"><caption class="unseen">Jobs of ${each.id} by task</caption><tbody>${tasks.map(([task, counts]) => html`<tr key=${task}><th scope="row"><a href=${link("jobs", { experiment: each.id, q: `task=${task}` })}>${task}</a></th><td><${Bar} counts=${counts} label=${task}/></td></tr>`)}</tbody></table>` : ""}
  </article>`;
}

function Place({ each, now }) {
  const state = each.down_since ? "down" : each.seen_at ? "up" : "new";
  return html`<li><span class="light ${state}"><i aria-hidden="true"></i></span><a href=${link("connectors")}>${each.name}</a>
    <span class="faint">${each.down_since ? (each.needs_login ? "needs a login" : `away for ${duration(now - each.down_since)}`) : each.seen_at ? `heard ${ago(each.seen_at, now)}` : "not heard yet"}${each.alive ? ` · ${each.alive.toLocaleString("en")} alive` : ""}</span></li>`;
}

export function Overview({ overview, say }) {
  const now = useNow();
  const [, draw] = useState(0);
  const [progress, setProgress] = useState({});
  useNews(useCallback((kind, news) => { if (kind === "news") setProgress((before) => ({ ...before, ...news.progress })); }, []));
  const ask = async () => {
    try {
      say(await post("act", { action: "sync" }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      say({ text: error.said.what, problems: error.said.hint ? [error.said.hint] : [] });
    }
  };
  if (!overview.experiments.length) {
    return html`<h1 class="unseen">Overview</h1><${Empty} title="No experiment has run here yet"><p>Start one: <code>xpm run plan.py</code>. Its jobs appear here by themselves.</p></${Empty}>`;
  }
  const trouble = Object.entries(overview.trouble);
  const found = news(overview);
  const older = found ? overview.failures.filter((each) => !found.failed.has(each.id.slice(0, 12))) : overview.failures;
  return html`<div class="overview"><div>
      ${found ? html`<${Since} overview=${overview} found=${found} now=${now} seen=${() => { forgetNews(overview); draw((n) => n + 1); }}/>` : ""}
      <h1>Experiments</h1>
      ${overview.experiments.map((each) => html`<${Experiment} key=${each.id} each=${each} now=${now}/>`)}
    </div><aside>
      ${overview.failed && !older.length ? "" : html`<section aria-labelledby="failures"><h2 id="failures">Failed last</h2>
        ${older.length ? html`<ul class="brief">${older.map((each) => html`<li key=${each.key}><div><${JobLink} job=${each}/> <span>${each.task}</span> <${Tags} tags=${each.tags}/></div><p class="faint">${each.remark}</p></li>`)}</ul>
          ${overview.failed > overview.failures.length ? html`<p><a href=${link("jobs", { states: "failed,lost" })}>All ${many(overview.failed)} that failed</a></p>` : ""}` : html`<p class="faint">Nothing has failed.</p>`}</section>`}
      <section aria-labelledby="places"><h2 id="places">Connectors <button type="button" class="quiet" onClick=${ask}>Ask now</button></h2>
        <ul class="places">${overview.places.map((each) => html`<${Place} key=${each.name} each=${each} now=${now}/>`)}</ul>
        ${trouble.length ? html`<details class="faint"><summary>${trouble.length} could not be asked</summary>${trouble.map(([name, text]) => html`<pre key=${name}>${name ? `${name}: ` : ""}${text}</pre>`)}</details>` : ""}</section>
      <section aria-labelledby="running"><h2 id="running">Running now</h2>
        ${overview.running.length ? html`<ul class="brief">${overview.running.map((each) => html`<li key=${each.key}><div><${JobLink} job=${each}><code>${each.id.slice(0, SHORT)}</code></${JobLink}> <span>${each.task}</span> <${Tags} tags=${each.tags}/></div><${Progress} progress=${progress[each.key] || each.progress}/></li>`)}</ul>` : html`<p class="faint">Nothing runs.</p>`}</section>
    </aside></div>`;
}
