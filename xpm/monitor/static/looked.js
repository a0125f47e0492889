// What has changed since a person looked here last: kept by the browser, for each main folder.
const MOST = 2000;
let before; // as the page was left the last time; undefined: not read yet
let name = "";

const of = (data) => ({
  at: Date.now() / 1000,
  counts: Object.fromEntries(data.experiments.map((each) => [each.id, each.counts])),
  failed: data.failed_ids.slice(0, MOST),
});

/** Note what is seen now; what was seen the last time is known still. */
export function keepLooked(data) {
  name = `xpm-looked ${data.main}`;
  if (before === undefined) {
    try {
      before = JSON.parse(localStorage.getItem(name));
    } catch {
      before = null;
    }
  }
  if (!document.hidden) {
    try {
      localStorage.setItem(name, JSON.stringify(of(data)));
    } catch { /* no room: then all is news the next time */ }
  }
}

/** From now on what is shown is known. */
export function forgetNews(data) {
  before = of(data);
}

/** {at, experiments: [{id, isNew, more: {state: count}}], failed: ids}; null: nothing is news, or nobody has looked before. */
export function news(data) {
  if (!before?.counts) return null;
  const experiments = data.experiments.map(({ id, counts }) => {
    const old = before.counts[id];
    const more = Object.fromEntries(Object.entries(counts).map(([state, count]) => [state, count - (old?.[state] || 0)]).filter(([, count]) => count > 0));
    return { id, isNew: !old, more };
  }).filter((each) => Object.keys(each.more).length);
  const known = new Set(before.failed);
  const failed = new Set(data.failed_ids.filter((id) => !known.has(id)));
  return experiments.length || failed.size ? { at: before.at, experiments, failed } : null;
}
