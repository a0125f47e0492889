// What a job prints, as it prints it: its end first, what is before when somebody wants to see it.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { ago, get, html, OVER, Problem, size, useNow } from "../lib.js";

const PIECE = 256 * 1024;
const KEPT = 1 << 20;
const BEFORE = 2000;
const EMPTY = { text: "", start: 0, next: 0, size: 0, said: "", at: null, loaded: false };
// eslint-disable-next-line no-control-regex
const ANSI = /\u001b\[[0-9;?:<=>]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[PX^_][^\u001b]*(?:\u001b\\)?|\u001b[ -/]*[0-~]/g;
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
const TRACEBACK = /Traceback \(most recent call last\):?\n(?:[ \t].*\n|\n)*.*/;

/** A line that a carriage return was to write over shows what was written last; what moves a terminal's cursor is left out. */
function tidy(text) {
  return text.replace(ANSI, "").split("\n").map((line) => line.replace(/\r+$/, "").split("\r").pop().replace(UNSEEN, "")).join("\n");
}

/** The last traceback: where it begins and ends. */
function traceback(text) {
  const from = text.lastIndexOf("Traceback (most recent call last)");
  return from < 0 ? null : [from, from + (TRACEBACK.exec(text.slice(from))?.[0].length || 34)];
}

function Text({ text }) {
  const shown = useMemo(() => tidy(text), [text]);
  const found = useMemo(() => traceback(shown), [shown]);
  return found ? html`${shown.slice(0, found[0])}<span id="traceback" class="traceback">${shown.slice(...found)}</span>${shown.slice(found[1])}` : shown;
}

/** The window on a log: {log, follows, ...}, followed while `follows`. */
function useLog(job, stream) {
  const [log, setLog] = useState(EMPTY);
  const [follows, setFollows] = useState(true);
  const [at, setAt] = useState(null);
  const over = OVER.has(job.state);
  const address = `log/${encodeURIComponent(job.task)}/${encodeURIComponent(job.id)}`;
  const asking = useRef(0);
  const wrong = (error) => {
    if (!(error instanceof Problem)) throw error;
    setLog((before) => ({ ...before, loaded: true, said: error.said.what, at: null }));
  };
  const ask = async (query) => {
    const mine = ++asking.current;
    const found = await get(address, { stream, ...query }).catch(wrong);
    return mine === asking.current ? found : null;
  };
  useEffect(() => {
    setLog(EMPTY);
    setAt(null);
    get(address, { stream, traceback: 1 }).then((found) => setAt(found.at), () => {});
  }, [stream, job.id, job.attempt, over]);
  useEffect(() => {
    if (!follows) return undefined;
    asking.current += 1;
    let source = null;
    const open = () => {
      source = new EventSource(`/api/follow/${encodeURIComponent(job.task)}/${encodeURIComponent(job.id)}?stream=${stream}`);
      const heard = (isAnew) => (event) => {
        const { text, offset, next, size: all, said, at: when } = JSON.parse(event.data);
        setLog((before) => {
          const joined = isAnew ? text : before.text + text;
          const cut = joined.length > KEPT ? joined.indexOf("\n", joined.length - KEPT) + 1 : 0;
          const start = isAnew ? offset : before.start;
          return { text: cut ? joined.slice(cut) : joined, start: cut ? start + new TextEncoder().encode(joined.slice(0, cut)).length : start, next, size: all, said, at: when, loaded: true };
        });
      };
      source.addEventListener("anew", heard(true));
      source.addEventListener("more", heard(false));
      source.addEventListener("end", shut);
    };
    const shut = () => { source?.close(); source = null; };
    const turned = () => (document.hidden ? shut() : source || open());
    document.addEventListener("visibilitychange", turned);
    open();
    return () => { shut(); document.removeEventListener("visibilitychange", turned); };
  }, [follows, stream, job.id, job.attempt, over]);
  const place = (found, rest) => setLog((before) => ({ ...before, size: found.size, said: found.said, at: found.at, loaded: true, ...rest(before) }));
  const earlier = async () => {
    const offset = Math.max(0, log.start - PIECE);
    const found = await ask({ offset, limit: log.start - offset });
    if (!found || Math.abs(log.start - found.next) > 3) return; // a character may have been cut
    setFollows(false);
    place(found, (before) => ({ text: found.text + before.text, start: found.offset, next: before.next }));
  };
  const later = async () => {
    const found = await ask({ offset: log.next, limit: PIECE, joined: 1 });
    if (found && found.offset === log.next) place(found, (before) => ({ text: before.text + found.text, start: before.start, next: found.next }));
  };
  const around = async (offset) => {
    setFollows(false);
    const found = await ask({ offset: Math.max(0, offset - BEFORE), limit: PIECE });
    if (found) place(found, () => ({ text: found.text, start: found.offset, next: found.next }));
  };
  return { log, follows, setFollows, at, earlier, later, around, over };
}

export function Log({ job }) {
  const [picked, setStream] = useState(null);
  const stream = picked || (job.state === "failed" ? "stderr" : "stdout");
  const { log, follows, setFollows, at, earlier, later, around, over } = useLog(job, stream);
  const box = useRef(null), held = useRef(null), jumping = useRef(false);
  const now = useNow(1000);
  const seen = useMemo(() => traceback(log.text), [log.text]);
  useLayoutEffect(() => {
    const node = box.current;
    if (!node) return;
    if (jumping.current && document.getElementById("traceback")) {
      jumping.current = false;
      node.scrollTop += document.getElementById("traceback").getBoundingClientRect().top - node.getBoundingClientRect().top - 12;
    } else if (held.current && log.start < held.current.start) { // what was read stays in place
      node.scrollTop += node.scrollHeight - held.current.height;
      held.current = null;
    } else if (follows) node.scrollTop = node.scrollHeight;
  }, [log.text, follows]);
  const scrolled = () => {
    const node = box.current;
    const isLow = node.scrollHeight - node.scrollTop - node.clientHeight < 30;
    if (follows && !isLow) setFollows(false);
    else if (!follows && isLow && log.next >= log.size) setFollows(true);
  };
  const jump = () => {
    if (!seen) {
      jumping.current = true;
      around(at);
      return;
    }
    setFollows(false);
    const top = document.getElementById("traceback").getBoundingClientRect().top - box.current.getBoundingClientRect().top;
    box.current.scrollTop += top - 12;
    box.current.focus({ preventScroll: true });
  };
  const before = () => { held.current = { height: box.current.scrollHeight, start: log.start }; earlier(); };
  const path = `/files/${encodeURIComponent(job.task)}/${encodeURIComponent(job.id)}/${stream}?download`;
  return html`<section aria-labelledby="log" class="log"><div class="loghead"><h2 id="log">Log</h2>
    <div class="chips" role="group" aria-label="Which output">${["stdout", "stderr"].map((each) => html`<button key=${each} type="button" class="chip" aria-pressed=${stream === each} onClick=${() => { setStream(each); setFollows(true); }}>${each}</button>`)}</div>
    ${seen || at !== null ? html`<button type="button" onClick=${jump}>Go to the traceback</button>` : ""}
    ${follows ? html`<span class="faint" role="status">${over || !log.loaded || log.said ? "" : "following"}</span>` : html`<button type="button" onClick=${() => setFollows(true)}>Go to the end${over ? "" : ", and follow"}</button>`}
    <span class="faint end">${log.size ? html`${size(log.size)} <a href=${path} aria-label=${`Download ${stream}`}>↓</a>` : ""}</span></div>
    ${log.said ? html`<p class="old" role="status">${log.said}${log.at ? `: shown is what was here ${ago(log.at, now)}` : ""}</p>` : ""}
    ${log.text ? html`<pre ref=${box} tabindex="0" role="region" aria-label=${stream} onScroll=${scrolled}>${log.start ? html`<button type="button" class="more" onClick=${before}>Show what is before: ${size(log.start)}</button>` : ""}<${Text} text=${log.text}/>${!follows && log.next < log.size ? html`<button type="button" class="more" onClick=${later}>Show what follows: ${size(log.size - log.next)}</button>` : ""}</pre>` : html`<p class="nothing faint">${log.loaded ? `${stream} is empty${over ? "" : " so far"}.` : "…"}</p>`}</section>`;
}
