// Which columns the table of jobs has: chosen by hand, kept in the address.
import { useEffect, useState } from "preact/hooks";
import { get, html, number, shown, SHORT, useAsked } from "../lib.js";
import { Progress, State, Tags } from "../parts.js";
import { link, set } from "../route.js";

const narrow = matchMedia("(max-width: 640px)");
const USUAL = ["state", "task", "tags", "connector", "id", "remark"];
const FEW = ["state", "tags", "id"];
const OWN = {
  state: ["State", 210, "210px"], task: ["Task", 120, "minmax(120px, 1fr)"], tags: ["Tags", 150, "minmax(230px, 2.2fr)"], connector: ["Where", 100, "minmax(100px, .8fr)"],
  id: ["Job", 84, "84px"], remark: ["Remark", 140, "minmax(140px, 2fr)"], launcher: ["Launcher", 90, "minmax(90px, .6fr)"], attempt: ["Attempt", 70, "70px"], cause: ["Cause", 90, "minmax(90px, .6fr)"],
};
const SORTED = new Set(["state", "task", "connector", "id", "launcher", "attempt", "cause"]);
const KINDS = { tag: "Tags", param: "Parameters", metric: "Metrics", asked: "Asked for", used: "Used" };
const kind = (name) => name.split(".")[0];
const rest = (name) => name.slice(name.indexOf(".") + 1);
const isNumeric = (name) => ["metric", "asked", "used"].includes(kind(name));

export const columnsOf = (query) => (query.columns ? query.columns.split(",").filter(Boolean) : narrow.matches ? FEW : USUAL);
/** Those that the server has to look up. */
export const lookedUp = (columns) => columns.filter((name) => name.includes(".") && kind(name) !== "tag").join(",");
export const isSorted = (name) => SORTED.has(name) || ["tag", "metric"].includes(kind(name));
export const sortKey = (name) => name;
export const titleOf = (name) => OWN[name]?.[0] || (kind(name) === "asked" || kind(name) === "used" ? `${rest(name)} ${kind(name)}` : rest(name));

/** The widths of the table, for its style. */
export function widths(columns) {
  const all = columns.map((name) => (name === "state" && narrow.matches ? ["", 118, "118px"] : OWN[name]) || ["", isNumeric(name) ? 84 : 96, isNumeric(name) ? "minmax(84px, .7fr)" : "minmax(96px, 1fr)"]);
  return { "--columns": `34px ${all.map((each) => each[2]).join(" ")}`, "--least": `${34 + all.reduce((sum, each) => sum + each[1] + 14, 24)}px` };
}

export function Cell({ row, name, pick }) {
  if (name === "state") return html`<span role="gridcell"><${State} state=${row.state} cause=${row.cause}/>${row.state === "running" ? html`<${Progress} progress=${row.progress}/>` : ""}</span>`;
  if (name === "tags") return html`<span role="gridcell"><${Tags} tags=${row.tags} pick=${pick}/></span>`;
  if (name === "id") return html`<span role="gridcell"><a tabindex="-1" href=${link("job", {}, row.task, row.id)}><code>${row.id.slice(0, SHORT)}</code></a></span>`;
  if (name === "connector") return html`<span role="gridcell" class="cut" title=${row.batch || ""}>${row.connector}${row.batch ? html` <small>${row.batch}</small>` : ""}</span>`;
  const value = name in OWN ? row[name] : kind(name) === "tag" ? row.tags[rest(name)] : row.cells?.[name];
  const text = value === undefined || value === null || value === "" ? "–" : kind(name) === "metric" ? number(value) : shown(value);
  return html`<span role="gridcell" class=${`cut${isNumeric(name) ? " num" : ""}${name === "remark" ? " faint" : ""}`} title=${text}>${text === "–" && name in OWN ? "" : text}</span>`;
}

/** The panel in which columns are chosen. */
export function Choose({ experiment, query, close }) {
  const asked = useAsked(() => get("columns", { experiment }), [experiment]);
  const [text, setText] = useState("");
  const chosen = columnsOf(query);
  useEffect(() => {
    const pressed = (event) => { if (event.key === "Escape") close(); };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  const put = (next) => set({ columns: next.join() === USUAL.join() ? "" : next.join() });
  const flip = (name) => put(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  const move = (name, by) => {
    const next = chosen.filter((each) => each !== name);
    next.splice(Math.max(0, chosen.indexOf(name) + by), 0, name);
    put(next);
  };
  const Box = ({ name }) => html`<label class="pick"><input type="checkbox" checked=${chosen.includes(name)} onChange=${() => flip(name)} disabled=${chosen.length === 1 && chosen[0] === name}/> ${name in OWN ? OWN[name][0] : rest(name)}</label>`;
  const fits = (name) => name.toLowerCase().includes(text.toLowerCase());
  return html`<div class="facets choose" role="group" aria-label="Columns">
    <p><b>Shown</b>${chosen.map((name, place) => html`<span key=${name} class="tag moved"><button type="button" aria-label=${`${titleOf(name)} to the left`} disabled=${!place} onClick=${() => move(name, -1)}>‹</button>${titleOf(name)}<button type="button" aria-label=${`${titleOf(name)} to the right`} disabled=${place === chosen.length - 1} onClick=${() => move(name, 1)}>›</button></span>`)}${query.columns ? html`<button type="button" class="quiet" onClick=${() => set({ columns: "" })}>as usual</button>` : ""}</p>
    <p><b>Job</b>${Object.keys(OWN).map((name) => html`<${Box} key=${name} name=${name}/>`)}</p>
    ${asked.data ? Object.entries(KINDS).map(([each, title]) => (asked.data[each].length ? html`<p key=${each}><b>${title}</b>${asked.data[each].length > 12 && each === "param" ? html`<input type="search" aria-label="Parameters whose name has" placeholder="name" value=${text} onInput=${(event) => setText(event.target.value)}/>` : ""}${asked.data[each].filter((name) => each !== "param" || fits(name)).map((name) => html`<${Box} key=${name} name=${`${each}.${name}`}/>`)}</p>` : "")) : html`<p class="faint">…</p>`}
    <p><button type="button" onClick=${close}>Close</button></p></div>`;
}
