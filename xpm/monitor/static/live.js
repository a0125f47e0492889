// What has changed, as the server pushes it. A page nobody looks at listens to nothing: browsers have few connections.
import { useEffect, useState } from "preact/hooks";

const listeners = new Set();
let source = null;
let state = "connecting";
const states = new Set();
let pulled = null;
const pullers = new Set();

function tell(kind, content) {
  for (const each of listeners) each(kind, content);
}

function become(next) {
  if (next === state) return;
  state = next;
  for (const each of states) each(next);
}

function pulls(now) {
  pulled = now;
  for (const each of pullers) each(now);
}

function open() {
  if (source) return;
  source = new EventSource("/api/events");
  let crowded = false; // this page asks anew now and then: others of the browser listen
  source.addEventListener("hello", (event) => { crowded = !!JSON.parse(event.data).crowded; become("live"); pulls(null); tell("reset", {}); });
  source.addEventListener("news", (event) => { become("live"); tell("news", JSON.parse(event.data)); });
  source.addEventListener("pull", (event) => pulls(JSON.parse(event.data).now));
  source.addEventListener("reset", () => tell("reset", {}));
  source.addEventListener("alive", () => become("live"));
  source.addEventListener("trouble", (event) => become(JSON.parse(event.data).text));
  source.onerror = () => {
    if (crowded && source?.readyState === EventSource.CONNECTING) { crowded = false; return; }
    become("away");
    if (source && source.readyState === EventSource.CLOSED) { close(); setTimeout(open, 3000); }
  };
}

function close() {
  if (source) source.close();
  source = null;
}

export function start() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  open();
}

/** Have every view ask anew: something was done that no job's state tells. */
export const askAnew = () => tell("reset", {});

/** Be told of news: ("news", {rows, counts, progress, ...}), or ("reset") when all may have changed. */
export function useNews(heard) {
  useEffect(() => {
    listeners.add(heard);
    return () => listeners.delete(heard);
  }, [heard]);
}

function useLatest(setters, latest) {
  const [now, set] = useState(latest);
  useEffect(() => {
    setters.add(set);
    set(latest());
    return () => setters.delete(set);
  }, []);
  return now;
}

export const useLink = () => useLatest(states, () => state);

/** How far the pull is that goes on now, whichever page asked for it; null when there is none. */
export const usePull = () => useLatest(pullers, () => pulled);
