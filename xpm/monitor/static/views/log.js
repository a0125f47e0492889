// What a job prints, as it prints it.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, html, OVER, Problem, size } from "../lib.js";

const KEPT = 400000;
// eslint-disable-next-line no-control-regex
const ANSI = /\u001b\[[0-9;?]*[A-Za-z]|\u001b\][^\u0007]*\u0007/g;

/** A line that a carriage return was to write over shows what was written last. */
function tidy(text) {
  return text.replace(ANSI, "").split("\n").map((line) => line.replace(/\r$/, "").split("\r").pop()).join("\n");
}

export function Log({ job }) {
  const [stream, setStream] = useState(job.state === "failed" ? "stderr" : "stdout");
  const [log, setLog] = useState({ text: "", start: 0, next: null, size: 0, problem: "" });
  const [follows, setFollows] = useState(true);
  const box = useRef(null);
  const over = OVER.has(job.state);
  const lastOver = useRef(over);
  useEffect(() => {
    let alive = true, timer = 0, next = null;
    const look = async () => {
      try {
        const found = await get(`log/${encodeURIComponent(job.task)}/${encodeURIComponent(job.id)}`, { stream, offset: next });
        if (!alive) return;
        const anew = next === null || found.offset !== next;
        next = found.next;
        if (anew || found.text) setLog((before) => ({ text: ((anew ? "" : before.text) + found.text).slice(-KEPT), start: anew ? found.offset : before.start, size: found.size, problem: "" }));
        const behind = found.next < found.size;
        if (behind || !lastOver.current || anew) timer = setTimeout(look, behind ? 0 : document.hidden ? 10000 : job.connector === "local" ? 1000 : 2500);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (alive) { setLog((before) => ({ ...before, problem: error.said.what })); timer = setTimeout(look, 5000); }
      }
    };
    look();
    return () => { alive = false; clearTimeout(timer); };
  }, [stream, job.id, job.attempt, over]);
  lastOver.current = over;
  useEffect(() => { if (follows && box.current) box.current.scrollTop = box.current.scrollHeight; }, [log.text, follows]);
  const scrolled = () => { const node = box.current; setFollows(node.scrollHeight - node.scrollTop - node.clientHeight < 30); };
  const text = tidy(log.text);
  const from = text.lastIndexOf("Traceback (most recent call last)");
  const jump = () => { setFollows(false); requestAnimationFrame(() => document.getElementById("traceback")?.scrollIntoView({ block: "start" })); };
  return html`<section aria-labelledby="log" class="log"><div class="loghead"><h2 id="log">Log</h2>
    <div class="chips" role="group" aria-label="Which output">${["stdout", "stderr"].map((each) => html`<button key=${each} type="button" class="chip" aria-pressed=${stream === each} onClick=${() => { setLog({ text: "", start: 0, size: 0, problem: "" }); setFollows(true); setStream(each); }}>${each}</button>`)}</div>
    ${from >= 0 ? html`<button type="button" onClick=${jump}>Go to the traceback</button>` : ""}
    ${follows ? html`<span class="faint">${over ? "" : "following"}</span>` : html`<button type="button" onClick=${() => setFollows(true)}>Go to the end</button>`}
    <span class="faint end">${log.size ? size(log.size) : ""}${log.start ? `, from ${size(log.start)} on` : ""}</span></div>
    ${log.problem ? html`<p class="wrong" role="alert">${log.problem}</p>` : ""}
    ${text ? html`<pre ref=${box} tabindex="0" aria-label=${stream} onScroll=${scrolled}>${from >= 0 ? html`${text.slice(0, from)}<span id="traceback" class="traceback">${text.slice(from)}</span>` : text}</pre>` : html`<p class="nothing faint">${stream} is empty${over ? "" : " so far"}.</p>`}</section>`;
}
