// All jobs: one filter, one table, whose rows exist only where somebody looks.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, html, many, ORDER, Problem, quoted, SHORT, total, useAsked, useCalm, word } from "../lib.js";
import { useNews } from "../live.js";
import { Command, Empty, State, Trouble } from "../parts.js";
import { go, set } from "../route.js";
import { Cell, Choose, columnsOf, isSorted, lookedUp, titleOf, widths } from "./columns.js";
import { Groups } from "./groups.js";

const HEIGHT = 38;
const PAGE = 80;
const BEYOND = 5;

export function added(q, name, value) {
  const field = ["state", "task", "cause", "id", "connector", "launcher", "attempt", "experiment"].includes(name) ? `tag.${name}` : name;
  const part = `${field}=${word(value)}`;
  if (!q.trim()) return part;
  return q.includes(part) ? q : / or /i.test(q) ? `(${q}) and ${part}` : `${q} and ${part}`;
}

/** One filter that says all of it. */
export function together(q, experiment, states) {
  const parts = [q, experiment ? `experiment=${word(experiment)}` : "", states.map((state) => `state=${state}`).join(" or ")].filter((part) => part.trim());
  return parts.map((part) => (parts.length > 1 && / or /i.test(part) ? `(${part})` : part)).join(" and ");
}

/** The view as a person types it in a terminal; "" where none shows it: `xpm results` is of one experiment. */
function command(filter, by, sort, isOne) {
  const measure = /^-?metric\./.test(sort) ? ` --sort ${quoted(sort.replace("metric.", ""))}` : "";
  if ((by || measure) && !isOne) return "";
  const all = by || measure ? "xpm results" : "xpm status";
  return `${all}${filter ? ` ${quoted(filter)}` : ""}${by ? ` --by ${quoted(by)} --all` : measure ? `${measure} --all` : ""}`;
}

export function Filter({ route, tags, tasks, overview, problem }) {
  const { q = "", experiment = "" } = route.query;
  const [text, setText] = useState(q);
  const [isOpen, setOpen] = useState(false);
  const latest = useRef(q), told = useRef(q);
  useEffect(() => { if (q !== told.current) { told.current = latest.current = q; setText(q); } }, [q]); // not back over what is being typed
  const calm = useCalm(() => { told.current = latest.current; set({ q: latest.current }); }, 250);
  const typed = (event) => { latest.current = event.target.value; setText(event.target.value); calm(); };
  const values = Object.entries(tags || {});
  return html`<form class="filter" role="search" onSubmit=${(event) => { event.preventDefault(); told.current = text; set({ q: text }); }}>
    <select aria-label="Experiment" value=${experiment} onChange=${(event) => set({ experiment: event.target.value })}>
      <option value="">all experiments</option>${overview.experiments.map((each) => html`<option key=${each.id} value=${each.id}>${each.id}</option>`)}</select>
    <input type="search" aria-label="Filter jobs" aria-invalid=${problem ? "true" : null} aria-describedby=${problem ? "filter-problem" : null} placeholder="Filter, as in  lr<0.1 and not model=small" value=${text} onInput=${typed} spellcheck=${false} autocomplete="off"/>
    <button type="button" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>Tags</button>
    ${problem ? html`<p id="filter-problem" class="wrong" role="alert">${problem.said.what}${problem.said.cause ? `: ${problem.said.cause}` : ""}${problem.said.hint ? ` – ${problem.said.hint}` : ""}</p>` : ""}
    ${isOpen ? html`<div class="facets">
      ${Object.keys(tasks || {}).length > 1 ? html`<p><b>task</b>${Object.entries(tasks).map(([task, count]) => html`<button key=${task} type="button" class="tag" onClick=${() => set({ q: q.trim() ? `${q} and task=${task}` : `task=${task}` })}>${task} <small>${count}</small></button>`)}</p>` : ""}
      ${values.map(([name, found]) => html`<p key=${name}><b>${name}</b>${Array.isArray(found) ? found.map(([value, count]) => html`<button key=${value} type="button" class="tag" onClick=${() => set({ q: added(q, name, value) })}>${value} <small>${count}</small></button>`) : html`<span class="faint">${many(found, "value")}</span>`}</p>`)}
      ${values.length ? "" : html`<p class="faint">No job has tags. Give some in the plan: <code>tag(0.1)</code>.</p>`}</div>` : ""}
  </form>`;
}

function useRows(query) {
  const [, draw] = useState(0);
  const held = useRef({ pages: new Map(), total: 0, counts: {}, problem: null, wanted: new Set(), stamp: 0, first: true, stale: false });
  const asked = JSON.stringify(query);
  const fetchPage = useCallback(async (page, stamp) => {
    const mine = held.current;
    try {
      const found = await get("jobs", { ...query, offset: page * PAGE, limit: PAGE });
      if (stamp !== mine.stamp) return;
      if (mine.stale) mine.pages.clear();
      mine.pages.set(page, found.rows);
      mine.stale = false;
      Object.assign(mine, { total: found.total, counts: found.counts, problem: null, first: false });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (stamp !== mine.stamp) return;
      mine.problem = error;
    }
    draw((n) => n + 1);
  }, [asked]);
  const again = useCallback(() => {
    const mine = held.current;
    mine.stamp += 1;
    for (const page of mine.pages.keys()) if (!mine.wanted.has(page)) mine.pages.delete(page);
    for (const page of mine.wanted.size ? mine.wanted : [0]) fetchPage(page, mine.stamp);
  }, [fetchPage]);
  useEffect(() => {
    held.current.stale = true; // what was shown stays until there is an answer
    held.current.wanted = new Set([0]);
    again();
  }, [again]);
  const want = (from, to) => {
    const mine = held.current;
    if (mine.stale) return;
    const pages = new Set();
    for (let page = Math.floor(from / PAGE); page <= Math.floor(to / PAGE); page++) pages.add(page);
    for (const page of pages) if (!mine.wanted.has(page) && !mine.pages.has(page)) fetchPage(page, mine.stamp);
    mine.wanted = pages;
  };
  const calm = useCalm(again, 300);
  useNews(useCallback((kind, news) => {
    if (kind === "reset") return calm();
    const rows = new Map(news.rows.map((row) => [row.key, row]));
    let seen = false;
    for (const page of held.current.pages.values()) {
      page.forEach((row, place) => {
        if (rows.has(row.key)) { page[place] = { ...rows.get(row.key), cells: row.cells }; seen = true; }
        else if (news.progress[row.key]) { page[place] = { ...row, progress: news.progress[row.key] }; seen = true; }
      });
    }
    if (seen) draw((n) => n + 1);
    if (news.changed || news.gone) calm();
  }, [calm]));
  return { held: held.current, want };
}

function Row({ row, index, here, chosen, toggle, pick, columns }) {
  return html`<div role="row" id=${`row-${index}`} aria-rowindex=${index + 2} aria-selected=${chosen ? "true" : "false"} class=${`row${here ? " here" : ""}${chosen ? " chosen" : ""}`} style=${{ top: `${index * HEIGHT}px` }} onClick=${(event) => { if (!event.target.closest("a,button,input")) go("job", {}, row.task, row.id); }}>
    <span role="gridcell" class="check"><input type="checkbox" tabindex="-1" aria-label=${`Choose ${row.id.slice(0, SHORT)}`} checked=${chosen} onClick=${toggle}/></span>
    ${columns.map((name) => html`<${Cell} key=${name} row=${row} name=${name} pick=${pick}/>`)}</div>`;
}

function Table({ held, want, query, columns, chosen, setChosen }) {
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [here, setHere] = useState(-1);
  useEffect(() => {
    const sized = new ResizeObserver(() => box.current && setView({ top: box.current.scrollTop, height: box.current.clientHeight }));
    sized.observe(box.current);
    return () => sized.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(view.top / HEIGHT) - BEYOND);
  const last = Math.min(held.total - 1, Math.ceil((view.top + view.height) / HEIGHT) + BEYOND);
  useEffect(() => { if (held.total) want(first, last); });
  useEffect(() => { box.current.scrollTop = 0; setHere(-1); }, [query.q, query.experiment, query.states, query.sort]);
  const at = (index) => held.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  const toggle = (row) => {
    const next = new Map(chosen);
    if (!next.delete(row.key)) next.set(row.key, row);
    setChosen(next);
  };
  const move = (index) => {
    const next = Math.max(0, Math.min(held.total - 1, index));
    setHere(next);
    const top = next * HEIGHT, shown = box.current.clientHeight - HEIGHT;
    if (top < box.current.scrollTop) box.current.scrollTop = top;
    else if (top > box.current.scrollTop + shown - HEIGHT) box.current.scrollTop = top - shown + HEIGHT;
  };
  const pressed = (event) => {
    if (event.target.closest("button,input")) return;
    const step = Math.max(1, Math.floor(view.height / HEIGHT) - 2);
    const to = { ArrowDown: here + 1, j: here + 1, ArrowUp: here - 1, k: here - 1, PageDown: here + step, PageUp: here - step, Home: 0, End: held.total - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); move(to); return; }
    const row = at(here);
    if (event.key === "Enter" && row) go("job", {}, row.task, row.id);
    if ((event.key === " " || event.key === "x") && row) { event.preventDefault(); toggle(row); }
  };
  const sorted = (column) => set({ sort: query.sort === column ? `-${column}` : query.sort === `-${column}` ? "" : column });
  const pool = Math.ceil(view.height / HEIGHT) + 2 * BEYOND + 3; // rows that leave above are used again below
  const rows = [];
  for (let index = first; index <= last; index++) {
    const row = at(index);
    rows.push(row
      ? html`<${Row} key=${index % pool} row=${row} index=${index} here=${index === here} chosen=${chosen.has(row.key)} columns=${columns} toggle=${() => toggle(row)} pick=${(name, value) => set({ q: added(query.q || "", name, value) })}/>`
      : html`<div key=${`a${index % pool}`} role="row" aria-rowindex=${index + 2} class="row awaited" style=${{ top: `${index * HEIGHT}px` }}><span role="gridcell">…</span></div>`);
  }
  return html`<div class=${held.stale && held.problem ? "table old" : "table"} role="grid" aria-label="Jobs" aria-multiselectable="true" aria-rowcount=${held.total + 1} aria-colcount=${columns.length + 1} style=${widths(columns)} tabindex="0" aria-activedescendant=${here >= first && here <= last ? `row-${here}` : null} ref=${box} onScroll=${() => setView({ top: box.current.scrollTop, height: box.current.clientHeight })} onKeyDown=${pressed} onFocus=${(event) => { if (here < 0 && event.target === box.current) setHere(first ? first + BEYOND : 0); }}>
    <div role="rowgroup" class="heads"><div role="row" aria-rowindex="1" class="row head"><span role="columnheader" class="check"><span class="unseen">Chosen</span></span>
      ${columns.map((name) => html`<span key=${name} role="columnheader" class=${/^(metric|asked|used)\./.test(name) ? "num" : null} aria-sort=${query.sort === name ? "ascending" : query.sort === `-${name}` ? "descending" : null}>${isSorted(name) ? html`<button type="button" tabindex="-1" title=${titleOf(name)} onClick=${() => sorted(name)}>${titleOf(name)}${query.sort === name ? " ↑" : query.sort === `-${name}` ? " ↓" : ""}</button>` : titleOf(name)}</span>`)}</div></div>
    <div role="rowgroup" class="rows" style=${{ height: `${held.total * HEIGHT}px` }}>${rows}</div></div>`;
}

export function Jobs({ route, overview, wish }) {
  const query = route.query;
  const { q = "", experiment = "", states = "", sort = "", by = "" } = query;
  const columns = columnsOf(query);
  const { held, want } = useRows({ q, experiment, states, sort, columns: lookedUp(columns) });
  const [isChoosing, setChoosing] = useState(false);
  const facets = useAsked(() => get("jobs", { experiment, limit: 0, facets: 1 }), [experiment]);
  const calm = useCalm(facets.again, 5000);
  useNews(useCallback((kind, news) => { if (kind === "reset" || news.changed || news.gone) calm(); }, []));
  const [chosen, setChosen] = useState(new Map());
  useEffect(() => setChosen(new Map()), [q, experiment, states]);
  const picked = states ? states.split(",") : [];
  const flip = (state) => set({ states: (picked.includes(state) ? picked.filter((each) => each !== state) : [...picked, state]).join(",") });
  const what = chosen.size ? { jobs: [...chosen.values()].map((row) => [row.task, row.id]) } : { q, experiment, states: picked };
  const filtered = q || states || experiment;
  const tags = facets.data?.tags;
  return html`<div class="jobs">
    <h1 class="unseen">Jobs</h1>
    <${Filter} route=${route} overview=${overview} tags=${tags} tasks=${facets.data?.tasks} problem=${held.problem?.status === 400 ? held.problem : null}/>
    ${held.problem && held.problem.status !== 400 ? html`<${Trouble} problem=${held.problem}/>` : ""}
    <div class="tools">
      <div class="chips" role="group" aria-label="States">${ORDER.filter((state) => held.counts[state] || picked.includes(state)).map((state) => html`<button key=${state} type="button" class="chip" aria-pressed=${picked.includes(state)} onClick=${() => flip(state)}><${State} state=${state}/> <b>${(held.counts[state] || 0).toLocaleString("en")}</b></button>`)}</div>
      <label class="by">Group by <select value=${by} onChange=${(event) => set({ by: event.target.value })}><option value="">nothing</option>${Object.keys(tags || {}).map((name) => html`<option key=${name} value=${name}>${name}</option>`)}${by && !(tags && by in tags) ? html`<option value=${by}>${by}</option>` : ""}</select></label>
      <button type="button" aria-expanded=${isChoosing} disabled=${!!by} onClick=${() => setChoosing(!isChoosing)}>Columns</button>
      <span class="total" role="status">${held.first ? "" : chosen.size ? `${chosen.size} of ${many(held.total)} chosen` : filtered ? `${many(held.total)} of ${total(overview.experiments.reduce((sum, each) => ({ ...sum, [each.id]: each.jobs }), {})).toLocaleString("en")}` : many(held.total)}</span>
      <span class="acts" role="group" aria-label=${chosen.size ? "With the chosen jobs" : "With all jobs that pass"}>
        <button type="button" onClick=${() => wish({ action: "retry", what })}>Retry …</button>
        <button type="button" onClick=${() => wish({ action: "cancel", what })}>Cancel …</button>
        <button type="button" onClick=${() => wish({ action: "pull", what })}>Pull …</button></span>
    </div>
    ${isChoosing && !by ? html`<${Choose} experiment=${experiment} query=${query} close=${() => setChoosing(false)}/>` : ""}
    ${by ? html`<${Groups} q=${together(q, "", picked)} experiment=${experiment} by=${by} known=${Object.keys(tags || {})}/>`
    : !held.first && !held.total && !held.problem ? html`<${Empty} title=${filtered ? "No job passes" : "No job yet"}>${filtered ? html`<p>Take something away from the filter${picked.length ? ", or choose other states" : ""}.</p><button type="button" onClick=${() => set({ q: "", states: "", experiment: "" })}>Show all jobs</button>` : html`<p><code>xpm run plan.py</code> starts some.</p>`}</${Empty}>`
    : html`<${Table} held=${held} want=${want} query=${query} columns=${columns} chosen=${chosen} setChosen=${setChosen}/>`}
    <div class="keys faint">${by ? "" : html`<span><kbd>/</kbd> filter · <kbd>j</kbd><kbd>k</kbd> move · <kbd>Enter</kbd> open · <kbd>Space</kbd> choose · <kbd>?</kbd> all keys</span>`}<${Command} text=${command(together(q, experiment, picked), by, sort, experiment || overview.experiments.length === 1)}/></div>
  </div>`;
}
