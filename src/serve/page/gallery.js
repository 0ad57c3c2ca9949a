// All cards: search, tags, order, import.

import { cards, hasFolder, portrait } from "/page/api.js";
import { button, count, debounce, fill, h, icon, remember, remembered } from "/page/dom.js";

/** Tags that are shown before one asks for more. */
const TAGS = 14;

const ORDERS = {
  name: ["Name", (a, b) => a.name.localeCompare(b.name)],
  newest: ["Newest", (a, b) => b.changed - a.changed],
  creator: ["Creator", (a, b) => (a.creator || "\uffff").localeCompare(b.creator || "\uffff") || a.name.localeCompare(b.name)],
};

export default async function gallery(root) {
  const listed = await cards.list();
  const chosen = new Set(remembered("tags", []).filter((tag) => listed.cards.some((card) => card.tags.includes(tag))));
  let everyTag = false;

  const search = h("input", {
    type: "search", placeholder: "Search names, tags, creators, texts", "aria-label": "Search cards",
    value: remembered("search", ""), autocomplete: "off", "aria-keyshortcuts": "/",
  });
  const order = h("select", { "aria-label": "Order" }, Object.entries(ORDERS).map(([key, [word]]) => h("option", { value: key }, word)));
  order.value = remembered("order", "name");
  const picker = h("input", { type: "file", multiple: true, hidden: true, tabIndex: -1, "aria-hidden": "true" });
  picker.addEventListener("change", () => {
    dispatchEvent(new CustomEvent("import-files", { detail: [...picker.files] }));
    picker.value = "";
  });
  const tags = h("div", { class: "tags", role: "group", "aria-label": "Tags" });
  const told = h("p", { class: "told", role: "status" });
  const grid = h("ul", { class: "grid" });

  const words = (card) => [card.name, card.creator, card.excerpt, card.file, ...card.tags].join("\n").toLowerCase();
  for (const card of listed.cards) card.words = words(card);

  function tagBar() {
    const numbers = new Map();
    for (const card of listed.cards) for (const tag of card.tags) numbers.set(tag, (numbers.get(tag) ?? 0) + 1);
    const all = [...numbers].sort((a, b) => chosen.has(b[0]) - chosen.has(a[0]) || b[1] - a[1] || a[0].localeCompare(b[0]));
    const some = everyTag ? all : all.slice(0, Math.max(TAGS, chosen.size));
    fill(tags, some.map(([tag, number]) => h("button", {
      type: "button", class: "tag", "aria-pressed": String(chosen.has(tag)),
      onclick: () => {
        if (!chosen.delete(tag)) chosen.add(tag);
        remember("tags", [...chosen]);
        tagBar();
        show();
        [...tags.children].find((child) => child.dataset.tag === tag)?.focus();
      },
      data: { tag },
    }, tag, h("span", { class: "number", "aria-label": `on ${count(number, "card")}` }, String(number)))),
    all.length > some.length || everyTag ? h("button", { type: "button", class: "tag plain", onclick: () => {
      everyTag = !everyTag;
      tagBar();
    } }, everyTag ? "fewer tags" : `${all.length - some.length} more`) : null);
  }

  function show() {
    const asked = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (card) => asked.every((word) => card.words.includes(word)) && [...chosen].every((tag) => card.tags.includes(tag));
    const found = listed.cards.filter(fits).sort(ORDERS[order.value][1]);
    told.textContent = found.length === listed.cards.length ? count(found.length, "card") : `${found.length.toLocaleString("en")} of ${count(listed.cards.length, "card")}`;
    fill(grid, found.map(tile));
    if (found.length === 0 && listed.cards.length > 0) {
      fill(grid, h("li", { class: "empty" }, h("p", {}, "No card fits."), button("cross", "Clear the search", () => {
        search.value = "";
        chosen.clear();
        remember("search", null);
        remember("tags", null);
        tagBar();
        show();
        search.focus();
      })));
    }
  }

  search.addEventListener("input", debounce(() => {
    remember("search", search.value || null);
    show();
  }, 80));
  order.addEventListener("change", () => {
    remember("order", order.value);
    show();
  });

  const add = button("plus", "Add cards", () => picker.click(), { class: "primary" });
  const nothing = listed.cards.length === 0 && h("section", { class: "empty big" },
    h("div", { class: "stack", "aria-hidden": "true" }, h("span"), h("span"), h("span", {}, icon("cards"))),
    h("h2", {}, "No cards yet"),
    h("p", {}, "Drop a card anywhere on this page, add one from a file, or let the model invent one."),
    h("div", { class: "row" }, h("a", { class: "button", href: "#/generate" }, icon("spark"), h("span", {}, "Invent a character"))));
  const lost = listed.unreadable.length > 0 && h("details", { class: "unreadable" },
    h("summary", {}, `${count(listed.unreadable.length, "file")} could not be read`),
    h("ul", {}, listed.unreadable.map((file) => h("li", {}, h("code", {}, file.file), ` ${file.reason}`))));

  fill(root,
    h("div", { class: "head" }, h("h1", {}, "Cards"), told, h("div", { class: "row" }, add, picker)),
    hasFolder === false && h("p", { class: "note" }, "The server was started without a folder (", h("code", {}, "--cards DIR"), "), so cards stay in this page until it is closed."),
    nothing || [
      h("div", { class: "tools" }, h("div", { class: "searchbox" }, icon("search"), search), order),
      tags,
      grid,
    ],
    !listed.complete && h("p", { class: "note" }, "There are more cards in the folder than are shown."),
    lost);
  tagBar();
  show();

  const keys = (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      search.focus();
    }
  };
  grid.addEventListener("keydown", (event) => move(event, grid));
  addEventListener("keydown", keys);
  return () => removeEventListener("keydown", keys);
}

function tile(card) {
  return h("li", {},
    h("a", { class: "tile", href: `#/card/${encodeURIComponent(card.file)}` },
      portrait(card.file, card, card.changed),
      h("span", { class: "caption" },
        h("span", { class: "name" }, card.name || "(no name)"),
        h("span", { class: "by" }, card.unsaved ? "only in this page" : card.creator || "\u00a0")),
      h("span", { class: "chips", "aria-hidden": "true" }, card.tags.slice(0, 3).map((tag) => h("span", { class: "chip" }, tag)))),
    h("a", { class: "quick", href: `#/chat/${encodeURIComponent(card.file)}`, "aria-label": `Chat with ${card.name}`, title: "Chat" }, icon("chat")));
}

/** Arrow keys go from tile to tile, by rows and columns as they are laid out. */
function move(event, grid) {
  const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  const tiles = [...grid.querySelectorAll(".tile")];
  const at = tiles.indexOf(document.activeElement);
  if (!step || at < 0) return;
  const top = tiles[0].offsetTop;
  const columns = tiles.findIndex((other) => other.offsetTop > top);
  const next = tiles[at + step[0] + step[1] * (columns < 0 ? tiles.length : columns)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
