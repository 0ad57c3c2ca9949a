// The frame: which view is shown, the theme, files that are dropped anywhere.

import { cards, get } from "/page/api.js";
import { count, fill, h, icon, remember, remembered, toast } from "/page/dom.js";
import gallery from "/page/gallery.js";
import card from "/page/card.js";
import prompt from "/page/prompt.js";
import generate from "/page/generate.js";
import chat from "/page/chat.js";
import watch from "/page/watch.js";

const main = document.getElementById("main");
const views = { "": gallery, card, prompt, generate, chat, watch };
const titles = { "": "Cards", card: "Card", prompt: "Prompt", generate: "Generate", chat: "Chat", watch: "Watch" };

for (const glyph of document.querySelectorAll("[data-icon]")) glyph.append(icon(glyph.dataset.icon));

let leave = null;
let shown = 0;

async function route() {
  const [, name = "", ...rest] = location.hash.split("/");
  const view = views[name];
  if (!view) return void (location.hash = "#/");
  const turn = ++shown;
  leave?.();
  leave = null;
  const nav = { "": "gallery", card: "gallery", chat: "gallery" }[name] ?? name;
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.dataset.view === nav) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${titles[name]} · cardwright`;
  const root = h("div", { class: `view-${name || "gallery"}` });
  try {
    const gone = await view(root, rest.length > 0 ? decodeURIComponent(rest.join("/")) : null);
    // Whoever was faster has the page.
    if (turn !== shown) return void gone?.();
    leave = gone ?? null;
  } catch (error) {
    if (turn !== shown) return;
    fill(root, h("div", { class: "empty" }, h("h1", {}, "That did not work"), h("p", {}, error.message), h("p", {}, h("a", { href: "#/" }, "All cards"))));
  }
  fill(main, root);
  const isFirst = turn === 1;
  if (!isFirst) main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
  root.dispatchEvent(new Event("shown"));
}

const skip = document.getElementById("skip");
skip.addEventListener("click", () => main.focus());

// The theme: as the system has it, or as was chosen.
const themes = { auto: ["half", "as the system has it"], light: ["sun", "light"], dark: ["moon", "dark"] };
const themeButton = document.getElementById("theme");
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const [glyph, word] = themes[theme];
  fill(themeButton, icon(glyph));
  themeButton.setAttribute("aria-label", `Theme: ${word}`);
  themeButton.title = `Theme: ${word}`;
}
setTheme(remembered("theme", "auto"));
themeButton.addEventListener("click", () => {
  const order = Object.keys(themes);
  const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
  setTheme(next);
  remember("theme", next);
});

/** Takes files in, one after the other, and shows the card if it was only one. */
export async function importFiles(files) {
  const done = [];
  for (const file of files) {
    try {
      done.push(await cards.add(file.name, file));
    } catch (error) {
      toast(`${file.name}: ${error.message}`, "error");
    }
  }
  if (done.length === 1) location.hash = `#/card/${encodeURIComponent(done[0])}`;
  else if (done.length > 1) {
    toast(`${count(done.length, "card")} added`);
    if (location.hash === "#/" || location.hash === "") route();
    else location.hash = "#/";
  }
}

const drop = document.getElementById("drop");
const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
let depth = 0;
addEventListener("dragenter", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  depth += 1;
  drop.hidden = false;
});
addEventListener("dragover", (event) => {
  if (holdsFiles(event)) event.preventDefault();
});
addEventListener("dragleave", (event) => {
  if (!holdsFiles(event)) return;
  depth = Math.max(0, depth - 1);
  drop.hidden = depth === 0;
});
addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  depth = 0;
  drop.hidden = true;
  importFiles([...event.dataTransfer.files]);
});
addEventListener("import-files", (event) => importFiles(event.detail));

addEventListener("hashchange", route);
get("/props").then((props) => {
  const line = document.getElementById("model");
  line.textContent = props.model_alias;
  line.title = `${props.model_alias}, ${props.default_generation_settings.n_ctx} tokens`;
  line.hidden = false;
}).catch(() => {});
route();
