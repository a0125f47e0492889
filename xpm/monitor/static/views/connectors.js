// The places: whether they answer, what they allow, who holds what.
import { useCallback } from "preact/hooks";
import { ago, duration, get, html, many, useAsked, useCalm, useNow } from "../lib.js";
import { useNews } from "../live.js";
import { Bar, Counts, Empty, Starting, Trouble } from "../parts.js";
import { link } from "../route.js";

function Place({ each, trouble, now }) {
  const state = each.down_since ? "down" : each.seen_at ? "up" : "new";
  return html`<article class="card place"><header><h2>${each.name}</h2><span class="light ${state}"><i aria-hidden="true"></i>${each.down_since ? (each.needs_login ? "needs a login" : "does not answer") : each.seen_at ? "answers" : "not heard yet"}</span>
      <span class="faint">${[each.kind === each.name ? "" : each.kind, each.host, each.workspace, each.seen_at ? `heard ${ago(each.seen_at, now)}` : ""].filter(Boolean).join(" · ")}</span></header>
    ${each.down_since ? html`<pre class="error">${each.message}</pre>${each.needs_login ? html`<p>In a terminal: <code>xpm login ${each.name}</code></p>` : ""}<p class="faint">Away for ${duration(now - each.down_since)}. Its jobs go on; shown is what was known ${ago(each.seen_at, now)}.</p>` : ""}
    ${trouble && !each.down_since ? html`<pre class="error">${trouble}</pre>` : ""}
    <${Bar} counts=${each.states} label=${each.name}/><${Counts} counts=${each.states}/>
    ${each.tokens.length ? html`<h3>Tokens held</h3><table class="plain"><thead><tr><th scope="col">Token</th><th scope="col">Held</th><th scope="col" class="num">By</th></tr></thead><tbody>${each.tokens.map((token) => html`<tr key=${token.name}><th scope="row">${token.name}</th><td><meter min="0" max=${token.total || token.held} value=${token.held} aria-label=${`${token.name} held`}></meter> ${token.held} of ${token.total}</td><td class="num">${many(token.jobs)}</td></tr>`)}</tbody></table>` : ""}
    ${each.limits?.length ? html`<h3>Partitions <span class="faint">as told ${ago(each.limits_at, now)}</span></h3><table class="plain"><thead><tr><th scope="col">Partition</th><th scope="col">State</th><th scope="col" class="num">Longest</th><th scope="col" class="num">Nodes</th></tr></thead><tbody>${each.limits.map((part) => html`<tr key=${part.name}><th scope="row">${part.name}${part.is_default ? " (default)" : ""}</th><td>${part.state}</td><td class="num">${part.max_time_s ? duration(part.max_time_s) : "–"}</td><td class="num">${part.total_nodes ?? "–"}</td></tr>`)}</tbody></table>` : ""}
    <p><a href=${link("jobs", { q: `connector=${each.name}` })}>${many(each.jobs)} here</a></p></article>`;
}

export function Connectors() {
  const asked = useAsked(() => get("connectors"), []);
  const calm = useCalm(asked.again, 1500);
  useNews(useCallback((kind, news) => { if (kind === "reset" || news.changed || news.places) calm(); }, [calm]));
  const now = useNow(1000);
  if (!asked.data) return asked.problem ? html`<${Trouble} problem=${asked.problem} again=${asked.again}/>` : html`<${Starting}/>`;
  const { connectors, trouble } = asked.data;
  if (!connectors.length) return html`<h1 class="unseen">Connectors</h1><${Empty} title="Nothing was sent anywhere yet"><p><code>xpm launchers list</code> shows where jobs can go.</p></${Empty}>`;
  return html`<h1>Connectors</h1>${trouble[""] ? html`<pre class="error">${trouble[""]}</pre>` : ""}<div class="places-wide">${connectors.map((each) => html`<${Place} key=${each.name} each=${each} trouble=${trouble[each.name]} now=${now}/>`)}</div>`;
}
