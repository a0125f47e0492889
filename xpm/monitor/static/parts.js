// The small pieces that views are made of.
import { createRef } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { duration, html, many, ORDER, post, Problem, SHORT, shown, size, total } from "./lib.js";
import { askAnew, usePull } from "./live.js";
import { link } from "./route.js";

export const State = ({ state, cause }) => html`<span class="state ${state}"><i aria-hidden="true"></i>${state}${cause && cause !== "exit" && state !== "done" ? html` <small>${cause}</small>` : ""}</span>`;

export function Bar({ counts, label }) {
  const all = total(counts);
  const said = ORDER.filter((state) => counts[state]).map((state) => `${counts[state]} ${state}`).join(", ");
  return html`<div class="bar" role="img" aria-label=${`${label || "jobs"}: ${said || "none"}`} title=${said}>
    ${[...ORDER].reverse().filter((state) => counts[state]).map((state) => html`<span class="part ${state}" style=${{ flexGrow: counts[state] / all }}></span>`)}
  </div>`;
}

export const Counts = ({ counts }) => html`<ul class="counts">${ORDER.filter((state) => counts[state]).map((state) => html`<li key=${state}><b>${counts[state].toLocaleString("en")}</b> <${State} state=${state}/></li>`)}</ul>`;

export const Progress = ({ progress }) => {
  if (!progress) return "";
  const percent = Math.round(progress[0] * 100);
  return html`<span class="progress" role="progressbar" aria-valuenow=${percent} aria-valuemin="0" aria-valuemax="100" aria-label=${progress[1] || "progress"} title=${progress[1]}>
    <span class="track"><span class="done" style=${{ width: `${percent}%` }}></span></span><small>${percent} %</small></span>`;
};

export const Tags = ({ tags, pick, by = [] }) => html`<span class="tags">${Object.entries(tags).filter(([name]) => !by.includes(name)).map(([name, value]) => pick
  ? html`<button key=${name} type="button" class="tag" tabindex="-1" title=${`only ${name}=${shown(value)}`} onClick=${(event) => { event.stopPropagation(); pick(name, value); }}><span>${name}</span>${shown(value)}</button>`
  : html`<span key=${name} class="tag"><span>${name}</span>${shown(value)}</span>`)}</span>`;

export const JobLink = ({ job, children }) => html`<a href=${link("job", {}, job.task, job.id)}>${children || html`<code>${job.id.slice(0, SHORT)}</code>`}</a>`;

export function Trouble({ problem, again }) {
  if (!problem) return "";
  const said = problem.said || { what: String(problem) };
  return html`<div class="trouble" role="alert"><p><b>${said.what}</b>${said.on ? html` <code>${said.on}</code>` : ""}${said.cause ? `: ${said.cause}` : ""}</p>
    ${said.hint ? html`<p class="hint">${said.hint}</p>` : ""}${again ? html`<button type="button" onClick=${again}>Ask again</button>` : ""}</div>`;
}

export const Empty = ({ title, children }) => html`<div class="empty"><p class="title">${title}</p>${children}</div>`;
export const Starting = () => html`<p class="starting" role="status">Loading …</p>`;

export function Pull({ now }) {
  const percent = now.expected ? Math.floor((100 * now.arrived) / now.expected) : 0;
  const of = now.expected ? `${size(now.arrived)} of ${size(now.expected)}, ${now.files} file${now.files === 1 ? "" : "s"}` : "looking at what there is";
  return html`<p class="pull"><span>Pulling the files of ${many(now.jobs)}</span>
    <span class="progress" role="progressbar" aria-label="files pulled" aria-valuenow=${percent} aria-valuemin="0" aria-valuemax="100"><span class="track"><span class="done" style=${{ width: `${percent}%` }}></span></span></span>
    <span>${of}${now.left_s == null ? "" : ` · ${duration(now.left_s)} left`}</span></p>`;
}

/** A question before something is done: {action, what: {...}} says to which jobs, as the server reads it. */
export function Confirm({ wish, close, done }) {
  const dialog = createRef();
  const [found, setFound] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const pull = usePull();
  const isHere = useRef(true); // what was begun goes on when this is closed, and is told then all the same
  useEffect(() => () => { isHere.current = false; }, []);
  const ask = async (content) => {
    try {
      return await post("act", content);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (isHere.current) setProblem(error);
      else done({ text: error.said?.what || String(error), problems: [] });
      return null;
    }
  };
  useEffect(() => {
    dialog.current.showModal();
    ask({ action: wish.action, ...wish.what }).then((answer) => answer && setFound(answer));
  }, []);
  const act = async () => {
    setBusy(true);
    setProblem(null);
    const answer = await ask({ action: wish.action, ...wish.what, expected: found.jobs });
    setBusy(false);
    if (answer) { done(answer); if (isHere.current) close(); askAnew(); }
  };
  const verb = { cancel: "Cancel", retry: "Try again", pull: "Pull the files of" }[wish.action];
  const words = {
    cancel: "What runs is ended, what waits will not start. Files stay. This cannot be taken back.",
    retry: "Each gets a new attempt with the code it had; what was skipped because of it is tried again too.",
    pull: "Brings the files that the profile's rules leave where the job ran. This may be much, and take a while.",
  }[wish.action];
  return html`<dialog ref=${dialog} aria-labelledby="question" onClose=${close}>
    <h2 id="question">${found ? `${verb} ${many(found.jobs)}?` : `${verb} …`}</h2>
    ${found && found.jobs ? html`<${Counts} counts=${found.counts}/>` : ""}
    <p>${found && !found.jobs ? `No job here is in a state in which this does anything.` : words}</p>
    ${busy && pull && wish.action === "pull" ? html`<${Pull} now=${pull}/>` : ""}
    <${Trouble} problem=${problem}/>
    <form method="dialog" class="choices">
      <button type="submit" autofocus>${busy ? "Close" : "Leave it"}</button>
      <button type="button" class=${wish.action === "cancel" ? "danger" : "primary"} disabled=${!found || !found.jobs || busy} onClick=${act}>${busy ? "At it …" : verb.replace(" the files of", "")}${found && found.jobs ? ` ${many(found.jobs)}` : ""}</button>
    </form></dialog>`;
}

export function Toast({ said, close }) {
  useEffect(() => {
    const timer = setTimeout(close, said.problems.length ? 20000 : 6000);
    return () => clearTimeout(timer);
  }, [said]);
  return html`<div class="toast" role="status"><p>${said.text}</p>${said.problems.map((each) => html`<pre>${each}</pre>`)}<button type="button" onClick=${close} aria-label="Close this message">×</button></div>`;
}

/** What does the same in a terminal, to be taken there. */
export function Command({ text }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => setCopied(false), [text]);
  const copy = () => navigator.clipboard.writeText(text).then(() => setCopied(true), () => setCopied(null));
  return !text ? "" : html`<span class="command">in a terminal: <code>${text}</code> <button type="button" class="quiet" onClick=${copy} aria-label=${`Copy ${text}`}>${copied ? "copied" : copied === null ? "not allowed" : "copy"}</button><span class="unseen" role="status">${copied ? "copied" : ""}</span></span>`;
}

const KEYS = [
  [["o", "j", "g", "r", "c"], "overview, jobs, graph, results, connectors"], [["/"], "the filter; Esc or ↓ leaves it for the table"], [["j", "k", "↓", "↑"], "to the next, the previous row"],
  [["PgDn", "PgUp", "Home", "End"], "far"], [["Enter"], "open the job"], [["Space", "x"], "choose it, or not"], [["Esc"], "from a job back to the table; close what asks"], [["?"], "these keys"],
];

export function Keys({ close }) {
  const dialog = createRef();
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog ref=${dialog} aria-labelledby="keys" onClose=${close}><h2 id="keys">Keys</h2>
    <dl>${KEYS.map(([keys, does]) => html`<dt key=${does}>${keys.map((key) => html`<kbd key=${key}>${key}</kbd>`)}</dt><dd>${does}</dd>`)}</dl>
    <form method="dialog" class="choices"><button type="submit" autofocus>Close</button></form></dialog>`;
}
