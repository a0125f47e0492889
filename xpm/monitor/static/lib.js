// What every view uses: elements, questions to the server, words for times and sizes.
import { h } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import htm from "htm";

export const html = htm.bind(h);
export const ORDER = ["failed", "lost", "unknown", "running", "pending", "submitted", "ready", "waiting", "skipped", "cancelled", "done"];
export const OVER = new Set(["done", "failed", "cancelled", "lost", "skipped"]);
export const SHORT = 8;

/** An answer that is an error, in words. */
export class Problem extends Error {
  constructor(status, said) {
    super(said.what);
    this.status = status;
    this.said = said;
  }
}

export async function get(path, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value != null));
  const text = search.toString();
  return answered(await reach(fetch(`/api/${path}${text ? `?${text}` : ""}`)));
}

export async function post(path, content) {
  const headers = { "content-type": "application/json" };
  return answered(await reach(fetch(`/api/${path}`, { method: "POST", headers, body: JSON.stringify(content) })));
}

async function reach(asked) {
  try {
    return await asked;
  } catch {
    throw new Problem(0, { what: "the monitor does not answer", hint: "it may have ended: `xpm monitor` starts it again; jobs go on" });
  }
}

async function answered(response) {
  if (response.ok) return response.json();
  if (response.status === 401) {
    throw new Problem(401, { what: "this page's session is over", hint: "open the link that `xpm monitor` printed last" });
  }
  const text = await response.text();
  try {
    throw new Problem(response.status, JSON.parse(text).error);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(response.status, { what: text.trim() || `the monitor answered ${response.status}` });
  }
}

/** What a question gives: {data, problem, again}; asked anew when what it depends on has changed. */
export function useAsked(ask, on) {
  const [state, set] = useState({ data: null, problem: null });
  const latest = useRef(0);
  const again = useCallback(async () => {
    const mine = ++latest.current;
    try {
      const data = await ask();
      if (mine === latest.current) set({ data, problem: null });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (mine === latest.current) set((before) => ({ data: before.data, problem: error }));
    }
  }, on);
  useEffect(() => { again(); }, [again]);
  return { ...state, again };
}

/** This moment, again and again. */
export function useNow(everyMs = 5000) {
  const [now, set] = useState(Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => set(Date.now() / 1000), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** A function that runs once things are quiet, at most so often. */
export function useCalm(act, ms) {
  const timer = useRef(0);
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    if (timer.current) return;
    timer.current = setTimeout(() => { timer.current = 0; latest.current(); }, ms);
  }, [ms]);
}

export function duration(seconds) {
  if (seconds == null || !isFinite(seconds)) return "";
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`;
  }
  return seconds < 10 && seconds % 1 ? `${seconds.toFixed(1)} s` : `${Math.max(0, Math.round(seconds))} s`;
}

export const ago = (at, now) => (at ? (now - at < 3 ? "just now" : `${duration(Math.round(now - at))} ago`) : "never");
export const clock = (at) => (at ? new Date(at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" }) : "");

export function size(bytes) {
  for (const [unit, factor] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (bytes >= factor) return `${(bytes / factor).toPrecision(bytes / factor < 10 ? 2 : 3)} ${unit}`;
  }
  return `${bytes} B`;
}

export function number(value) {
  if (value == null) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const digits = Math.abs(value);
  return digits >= 1e-3 && digits < 1e6 ? String(+value.toPrecision(4)) : value.toExponential(2);
}

export const many = (count, word = "job") => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
export const total = (counts) => Object.values(counts).reduce((sum, each) => sum + each, 0);
export const shown = (value) => (value === true ? "true" : value === false ? "false" : value === null ? "None" : String(value));

/** A value as filters spell it. */
export function word(value) {
  const text = shown(value);
  return /^[^\s()=<>!"'*]+$/.test(text) && !/^(and|or|not)$/i.test(text) ? text : text.includes('"') ? `'${text}'` : `"${text}"`;
}

/** A word as a shell reads it. */
export const quoted = (text) => (/^[\w.,:/@%+-]+$/.test(text) && !text.startsWith("-") ? text : /^-[\w.]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
