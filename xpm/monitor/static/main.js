// The frame around all views.
import { render } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ago, duration, get, html, useAsked, useCalm, useNow } from "./lib.js";
import { keepLooked } from "./looked.js";
import { start, useLink, useNews, usePull } from "./live.js";
import { Confirm, Keys, Pull, Starting, Toast, Trouble } from "./parts.js";
import { link, useRoute } from "./route.js";
import { Connectors } from "./views/connectors.js";
import { Graph } from "./views/graph.js";
import { Job } from "./views/job.js";
import { Jobs } from "./views/jobs.js";
import { Overview } from "./views/overview.js";
import { Results } from "./views/results.js";

const VIEWS = { overview: ["Overview", Overview], jobs: ["Jobs", Jobs], graph: ["Graph", Graph], results: ["Results", Results], connectors: ["Connectors", Connectors] };
const THEMES = { "": "as the system", light: "light", dark: "dark" };

function themed() {
  const theme = localStorage.getItem("xpm-theme") || "";
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  return theme;
}

function Theme() {
  const [theme, set] = useState(themed());
  const next = { "": "dark", dark: "light", light: "" }[theme];
  const change = () => { localStorage.setItem("xpm-theme", next); set(themed()); };
  return html`<button type="button" class="quiet" onClick=${change} title=${`Colours: ${THEMES[theme]}`} aria-label=${`Colours ${THEMES[theme]}; change to ${THEMES[next]}`}>${{ "": "◐", dark: "☾", light: "☀" }[theme]}</button>`;
}

function Link() {
  const state = useLink();
  const words = { live: "live", connecting: "connecting", away: "monitor away" }[state] || "trouble";
  return html`<span class="live ${words.split(" ").pop()}" role="status" title=${state === "away" ? "The monitor does not answer; what is shown may be old. `xpm monitor` starts it again; jobs go on." : state}><i aria-hidden="true"></i>${words}</span>`;
}

function Away({ places }) {
  const now = useNow();
  const down = places.filter((each) => each.down_since && each.alive);
  return down.map((each) => html`<p key=${each.name} class="away" role="status"><b>${each.name}</b> ${each.needs_login ? html`waits for a login: <code>xpm login ${each.name}</code>` : `has not answered for ${duration(now - each.down_since)}`} · its jobs go on; shown is what was known ${ago(each.seen_at, now)} <a href=${link("connectors")}>more</a></p>`);
}

function Page() {
  const route = useRoute();
  const overview = useAsked(() => get("overview"), []);
  const [wish, setWish] = useState(null);
  const [said, setSaid] = useState(null);
  const [isHelping, setHelping] = useState(false);
  const latest = useRef(route), list = useRef(link("jobs"));
  latest.current = route;
  if (route.view === "jobs") list.current = location.hash;
  const calm = useCalm(overview.again, 700);
  const pull = usePull();
  useNews(useCallback((kind, news) => { if (kind === "reset" || news.changed || news.gone || news.places) calm(); }, []));
  const data = overview.data;
  if (data) keepLooked(data);
  const [title, View] = route.view === "job" ? ["Job", Job] : VIEWS[route.view] || VIEWS.overview;
  useEffect(() => { document.title = `${route.view === "job" ? route.rest[1]?.slice(0, 8) : title} · xpm`; }, [route]);
  useEffect(() => {
    const pressed = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const grid = document.querySelector("[role=grid]");
      if (/INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) {
        const isLeaving = event.key === "Escape" || (event.key === "ArrowDown" && event.target.type === "search");
        if (isLeaving && event.target.type !== "checkbox") { event.preventDefault(); if (grid) grid.focus(); else event.target.blur(); }
        return;
      }
      if (event.key === "?") setHelping(true);
      if (event.key === "Escape" && latest.current.view === "job") location.hash = list.current;
      if (event.key === "/") {
        event.preventDefault();
        const field = document.querySelector("input[type=search]");
        if (field) field.focus(); else { location.hash = link("jobs"); requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector("input[type=search]")?.focus())); }
      }
      if (event.target.closest("[role=grid]")) return;
      if (grid && /^(j|k|ArrowDown|ArrowUp)$/.test(event.key)) { event.preventDefault(); grid.focus(); return; }
      const view = { o: "overview", j: "jobs", g: "graph", r: "results", c: "connectors" }[event.key];
      if (view) location.hash = link(view);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  const folder = data ? data.main.split("/").pop() : "";
  return html`
    <header>
      <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.querySelector("main").focus(); }}>Go to the content</a>
      <a class="name" href=${link("overview")}><img src="/static/icon.svg" alt="" width="22" height="22"/>xpm</a>
      <span class="folder" title=${data ? data.main : ""}>${folder}</span>
      <nav aria-label="Views">${Object.entries(VIEWS).map(([view, [name]]) => html`<a key=${view} href=${link(view, view === "overview" || view === "connectors" ? {} : { experiment: route.query.experiment })} aria-current=${route.view === view || (view === "jobs" && route.view === "job") ? "page" : null}>${name}</a>`)}</nav>
      <span class="end"><${Link}/><${Theme}/><button type="button" class="quiet" aria-label="Keys" title="Keys" onClick=${() => setHelping(true)}>?</button></span>
    </header>
    ${data ? html`<${Away} places=${data.places}/>` : ""}
    ${pull ? html`<${Pull} now=${pull}/>` : ""}
    <main id="main" tabindex="-1">
      <${Trouble} problem=${overview.problem} again=${overview.again}/>
      ${data ? html`<${View} key=${route.view + route.rest.join("/")} route=${route} overview=${data} wish=${setWish} say=${setSaid}/>` : overview.problem ? "" : html`<${Starting}/>`}
    </main>
    ${wish ? html`<${Confirm} wish=${wish} close=${() => setWish(null)} done=${setSaid}/>` : ""}
    ${isHelping ? html`<${Keys} close=${() => setHelping(false)}/>` : ""}
    ${said ? html`<${Toast} said=${said} close=${() => setSaid(null)}/>` : ""}`;
}

themed();
start();
const page = document.getElementById("page");
page.textContent = "";
render(html`<${Page}/>`, page);
