// Characters invented while one looks on: every word as it is written, then keep it or throw it away.

import { allFormats, cards, fromBase64, hasFolder, stream } from "/page/api.js";
import { button, count, fill, h, labelled, prose, saveFile, toast, unique } from "/page/dom.js";

/** Written at the same time: browsers keep few connections to one server. */
const AT_ONCE = 3;
const SECTIONS = ["persona", "user's persona", "scenario", "greeting"];
const WORDS = { persona: "Persona", "user's persona": "Your role", scenario: "Scenario", greeting: "Greeting" };

// Characters outlive the view, so that one can look elsewhere while they are written.
const drafts = [];
const list = h("div", { class: "drafts" });

export default async function generate(root) {
  const [formats] = await Promise.all([allFormats(), hasFolder === null ? cards.list() : null]);
  const lengths = formats.find((format) => format.name === "limarp-v1").lengths;
  const name = h("input", { type: "text", placeholder: "drawn from the seed", autocomplete: "off", maxLength: 100 });
  const user = h("input", { type: "text", placeholder: "drawn from the seed", autocomplete: "off", maxLength: 100 });
  const seed = h("input", { type: "number", min: 0, max: 4294967295, step: 1, placeholder: "at random" });
  const length = h("select", {}, h("option", { value: "" }, "as usual"), lengths.map((word) => h("option", { value: word }, word)));
  const number = h("input", { type: "number", min: 1, max: 12, step: 1, value: "1", required: true });
  const form = h("form", { class: "controls", onsubmit: (event) => {
    event.preventDefault();
    const many = Number(number.value);
    for (let at = 0; at < many; at += 1) {
      begin({
        name: name.value.trim() || undefined,
        user: user.value.trim() || undefined,
        length: length.value || undefined,
        seed: seed.value === "" ? undefined : Number(seed.value) + at,
      });
    }
    next();
  } },
  labelled("Name", name),
  labelled("Name of your role", user),
  h("div", { class: "pair" }, labelled("Greeting length", length), labelled("How many", number)),
  labelled("Seed", seed, "The same seed gives the same character."),
  h("button", { type: "submit", class: "primary" }, "Invent"));
  fill(root,
    h("div", { class: "head" }, h("h1", {}, "Generate"), h("p", { class: "told" }, "A character with persona, scenario, greeting and portrait")),
    h("div", { class: "columns" }, form, h("section", { "aria-label": "Characters" },
      drafts.length === 0 && h("p", { class: "empty", id: "none" }, "Characters appear here word by word. Keep the ones you like."), list)));
}

function begin(wish) {
  document.getElementById("none")?.remove();
  const draft = { wish, state: "waiting", stop: new AbortController() };
  const heading = unique("draft");
  draft.title = h("h2", { id: heading }, wish.name ?? "Somebody");
  draft.status = h("p", { class: "status", role: "status" }, "Waiting");
  draft.steps = h("ol", { class: "steps", "aria-label": "Sections" }, SECTIONS.map((section) => h("li", { data: { section } }, WORDS[section])));
  draft.picture = h("div", { class: "portrait" }, h("span", { class: "initial", "aria-hidden": "true" }, "?"));
  draft.text = h("div", { class: "sections" });
  draft.actions = h("div", { class: "row" }, button("stop", "Stop", () => remove(draft)));
  draft.element = h("article", { class: "draft", "aria-labelledby": heading },
    draft.picture, h("div", { class: "draftbody" }, h("header", {}, draft.title, draft.status), draft.steps, draft.text, draft.actions));
  drafts.unshift(draft);
  list.prepend(draft.element);
}

function next() {
  const running = drafts.filter((draft) => draft.state === "writing").length;
  const waiting = drafts.filter((draft) => draft.state === "waiting").reverse();
  for (const draft of waiting.slice(0, Math.max(0, AT_ONCE - running))) write(draft);
}

async function write(draft) {
  draft.state = "writing";
  draft.element.classList.add("writing");
  try {
    for await (const event of stream("/api/generate", draft.wish, draft.stop.signal)) take(draft, event);
    if (draft.state === "writing") throw new Error("the stream ended early");
  } catch (error) {
    if (error.name !== "AbortError") {
      draft.state = "failed";
      draft.status.textContent = error.message;
      draft.element.classList.add("failed");
      fill(draft.actions, button("again", "Try again", () => again(draft)), button("cross", "Discard", () => remove(draft)));
    }
  }
  draft.element.classList.remove("writing");
  next();
}

function take(draft, event) {
  const at = SECTIONS.indexOf(event.section);
  if (event.event === "section") {
    draft.title.textContent = event.name;
    draft.status.textContent = event.attempt > 0 ? `Writing the ${event.section}, version ${event.attempt + 1}` : `Writing the ${event.section}`;
    [...draft.steps.children].forEach((step, index) => {
      step.className = index < at ? "done" : index === at ? "now" : "";
      if (index === at) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
    draft.live?.remove();
    draft.written = event.text;
    draft.words = h("p", {}, event.text);
    draft.live = h("section", { class: "live" }, h("h3", {}, WORDS[event.section]), draft.words);
    draft.text.append(draft.live);
  } else if (event.event === "piece") {
    draft.written += event.text;
    draft.words.textContent = draft.written.trimStart();
  } else if (event.event === "rejected") {
    draft.live.classList.add("rejected");
    draft.live.append(h("p", { class: "reason" }, `Not kept: ${event.reason}`));
  } else if (event.event === "written") {
    draft.live.remove();
    draft.live = null;
    draft.text.append(h("section", {}, h("h3", {}, WORDS[event.section]), prose(event.text)));
  } else if (event.event === "character") {
    finish(draft, event);
  }
}

function finish(draft, character) {
  draft.state = "done";
  const blob = new Blob([fromBase64(character.data)]);
  draft.status.textContent = `${count(character.tokens, "token")}, ${count(character.rejected, "version")} not kept, seed ${character.seed}`;
  draft.steps.remove();
  if (character.file.endsWith(".png")) {
    draft.picture.replaceChildren(h("img", { src: URL.createObjectURL(blob), alt: `Portrait of ${character.name}` }));
  }
  fill(draft.actions,
    button("check", "Keep", async () => {
      try {
        const id = await cards.add(character.file, blob);
        toast(`${character.name} was kept.`);
        fill(draft.actions, h("a", { class: "button primary", href: `#/card/${encodeURIComponent(id)}` }, "Open the card"), h("a", { class: "button", href: `#/chat/${encodeURIComponent(id)}` }, "Chat"));
        draft.element.classList.add("kept");
      } catch (error) {
        toast(error.message, "error");
      }
    }, { class: "primary" }),
    button("bin", "Discard", () => remove(draft)),
    button("again", "Another", () => again(draft)),
    hasFolder === false && button("save", "Save file", () => saveFile(character.file, blob)));
}

function again(draft) {
  remove(draft);
  begin({ ...draft.wish, seed: undefined });
  next();
}

function remove(draft) {
  draft.stop.abort();
  draft.state = "gone";
  draft.element.remove();
  drafts.splice(drafts.indexOf(draft), 1);
  next();
}
