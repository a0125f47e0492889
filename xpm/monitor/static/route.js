// Where the page is: all of it in the address, so that a view can be kept, sent and gone back to.
import { useEffect, useState } from "preact/hooks";

function read() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view = "", ...rest] = path.split("/").map(decodeURIComponent);
  return { view: view || "overview", rest, query: Object.fromEntries(new URLSearchParams(search)) };
}

export function useRoute() {
  const [route, set] = useState(read);
  useEffect(() => {
    const changed = () => set(read());
    addEventListener("hashchange", changed);
    addEventListener("xpm-route", changed);
    return () => { removeEventListener("hashchange", changed); removeEventListener("xpm-route", changed); };
  }, []);
  return route;
}

/** The address of a view. */
export function link(view, query = {}, ...rest) {
  const kept = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  const search = new URLSearchParams(kept).toString();
  return `#/${[view, ...rest.map(encodeURIComponent)].join("/")}${search ? `?${search}` : ""}`;
}

export function go(view, query, ...rest) {
  location.hash = link(view, query, ...rest);
}

/** Change some of the view's settings, without a step to go back over. */
export function set(patch) {
  const { view, rest, query } = read();
  history.replaceState(null, "", link(view, { ...query, ...patch }, ...rest));
  dispatchEvent(new Event("xpm-route"));
}
