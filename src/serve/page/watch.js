// The prompts that front-ends send, and what is wrong with each.

import { get } from "/page/api.js";
import { count, fill, findingList, h, highlighted, legend, showMark, tally } from "/page/dom.js";

const EVERY = 2000;

export default async function watch(root) {
  const seen = [];
  let newest = 0;
  let chosen = null;
  const list = h("ol", { class: "arrivals", "aria-label": "Prompts, newest first" });
  const detail = h("section", { class: "result", "aria-label": "The chosen prompt" });
  const told = h("p", { class: "told", role: "status" });

  const first = await get("/api/watch");
  fill(root, h("div", { class: "head" }, h("h1", {}, "Watch"), told));
  if (!first.watching) {
    root.append(h("div", { class: "empty big" }, h("h2", {}, "Nobody is watching"),
      h("p", {}, "Start the server with ", h("code", {}, "--watch"), " to see every prompt that a front-end sends, and why one is off.")));
    return;
  }
  root.append(h("div", { class: "columns" }, list, detail));
  fill(detail, h("p", { class: "empty" }, "Prompts appear here as they arrive."));

  function show(arrival) {
    chosen = arrival.number;
    for (const row of list.children) row.firstChild.setAttribute("aria-pressed", String(Number(row.dataset.number) === chosen));
    if (arrival.prompt === null) return void fill(detail, h("p", { class: "note" }, "This prompt was too long to be kept."));
    const shown = highlighted(arrival.prompt, arrival.outline, arrival.findings);
    fill(detail, h("div", { class: "resulthead" }, h("h2", {}, arrival.format, h("span", { class: "badges" }, tally(arrival.findings)))),
      legend(), shown, h("h3", {}, "Findings"),
      findingList(arrival.findings, (finding) => showMark(shown, arrival.findings, finding)));
  }

  function take(answer) {
    for (const arrival of answer.prompts) {
      newest = arrival.number;
      seen.push(arrival);
      const time = new Date(arrival.at * 1000).toLocaleTimeString();
      list.prepend(h("li", { data: { number: arrival.number } },
        h("button", { type: "button", "aria-pressed": "false", onclick: () => show(arrival) },
          h("span", { class: "time" }, `${arrival.number} · ${time}`), h("code", {}, arrival.format), h("span", { class: "badges" }, tally(arrival.findings)))));
    }
    while (list.children.length > 64) list.lastChild.remove();
    const bad = seen.filter((arrival) => arrival.findings.length > 0).length;
    told.textContent = `${count(seen.length, "prompt")}, ${bad} with findings`;
    if (answer.prompts.length > 0 && (chosen === null || chosen === answer.prompts[0].number - 1)) show(answer.prompts.at(-1));
  }

  take(first);
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      take(await get(`/api/watch?after=${newest}`));
    } catch {
      // The next round asks again.
    }
  }, EVERY);
  return () => clearInterval(timer);
}
