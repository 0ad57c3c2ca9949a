// One card: to read, and to edit with what is wrong with it and what it costs, while one types.

import { cards, post, portrait } from "/page/api.js";
import { button, count, debounce, fill, findingList, h, icon, prose, saveFile, tally, textarea, toast, unique } from "/page/dom.js";

const FIELDS = [
  ["name", "Name", "line"],
  ["description", "Description", "text", "The persona: who the character is."],
  ["personality", "Personality", "text", "A summary; most writers leave it empty."],
  ["scenario", "Scenario", "text", "Where the two meet and what goes on."],
  ["first_mes", "Greeting", "text", "The first message."],
  ["alternate_greetings", "Other greetings", "list"],
  ["mes_example", "Example messages", "text", "Each block begins with <START>."],
  ["system_prompt", "System prompt", "text"],
  ["post_history_instructions", "Instructions after the chat", "text"],
  ["creator_notes", "Creator's notes", "text", "For people; no model sees it."],
  ["tags", "Tags", "tags", "Separated by commas."],
  ["creator", "Creator", "line"],
  ["character_version", "Version of the character", "line"],
];
const V1 = ["name", "description", "personality", "scenario", "first_mes", "mes_example"];
const SPECS = { chara_card_v2: "V2", chara_card_v3: "V3" };

/** The field that a finding is about, and which item of it. */
function fieldOf(finding) {
  const path = finding.place?.path;
  const match = path?.replace(/^data\./, "").match(/^(\w+)(?:\[(\d+)\])?/);
  return match ? [match[1], match[2] === undefined ? null : Number(match[2])] : [null, null];
}

export default async function card(root, id) {
  let view = await cards.get(id);
  let editing = false;
  let changes = new Map();
  let live = view;
  let checks = 0;

  const body = h("div", { class: "fields" });
  const side = h("aside", { class: "side", "aria-label": "About the card" });
  const bar = h("div", { class: "savebar", role: "region", "aria-label": "Changes", hidden: true });
  const report = h("section", { class: "report" });
  const overview = h("span", { class: "badges overview" });

  const edits = () => [...changes].map(([path, value]) => ({ path, value }));
  const value = (field) => (changes.has(field) ? changes.get(field) : view.fields[field]);

  function change(field, now) {
    const same = JSON.stringify(now) === JSON.stringify(view.fields[field]);
    if (same) changes.delete(field);
    else changes.set(field, now);
    showBar();
    check();
  }

  const check = debounce(async () => {
    const turn = ++checks;
    if (changes.size === 0) {
      live = view;
      return showReport();
    }
    try {
      const answer = await post("/api/card/check", { card: JSON.stringify(view.card), edits: edits() });
      if (turn !== checks) return;
      // What is the matter with the file itself does not change with a field.
      const ofFile = view.findings.filter((finding) => finding.place?.path === undefined);
      live = { ...answer, findings: [...ofFile, ...answer.findings] };
      showReport();
    } catch (error) {
      toast(error.message, "error");
    }
  });

  async function save() {
    try {
      view = await cards.save(id, edits(), view.version);
      live = view;
      changes = new Map();
      editing = false;
      toast(view.unsaved ? "Changed in this page; save the file to keep it." : "Saved.");
      show();
      root.querySelector("h1")?.focus();
    } catch (error) {
      toast(error.status === 409 ? "Somebody else changed this card meanwhile. Copy what you need and load it again." : error.message, "error");
    }
  }

  function discard() {
    changes = new Map();
    live = view;
    editing = false;
    show();
  }

  function showBar() {
    bar.hidden = !editing;
    fill(bar, h("p", { role: "status" }, changes.size === 0 ? "No changes yet" : `${count(changes.size, "field")} changed`),
      button("cross", changes.size === 0 ? "Close" : "Discard", discard),
      button("save", "Save", save, { class: "primary", disabled: changes.size === 0, "aria-keyshortcuts": "Control+S" }));
  }

  function showReport() {
    const go = (finding) => {
      const [field, item] = fieldOf(finding);
      const place = body.querySelector(`[data-field="${field}"]`);
      if (!place) return;
      const control = place.querySelectorAll("input, textarea")[item ?? 0] ?? place;
      place.scrollIntoView({ block: "center", behavior: "smooth" });
      control.focus({ preventScroll: true });
    };
    fill(overview, tally(live.findings));
    fill(report,
      h("h2", {}, "Findings", h("span", { class: "badges" }, tally(live.findings))),
      findingList(live.findings, go));
    for (const place of body.querySelectorAll("[data-field]")) {
      const field = place.dataset.field;
      const own = live.findings.filter((finding) => fieldOf(finding)[0] === field && finding.severity !== "info");
      fill(place.querySelector(".ofField"), own.map((finding) => h("li", { class: finding.severity }, finding.message)));
      place.classList.toggle("flagged", own.length > 0);
      const tokens = live.tokens[field];
      const told = Array.isArray(tokens) ? tokens.reduce((sum, one) => sum + one, 0) : tokens;
      place.querySelector(".cost").textContent = told ? count(told, "token") : "";
    }
    const total = side.querySelector(".total");
    if (total) fill(total, h("strong", {}, live.tokens.permanent.toLocaleString("en")), " in every prompt, ", h("strong", {}, live.tokens.total.toLocaleString("en")), " in all");
  }

  function field([key, label, kind, hint]) {
    const given = value(key);
    const empty = Array.isArray(given) ? given.length === 0 : given === "";
    if (!editing && empty) return null;
    const heading = h("span", { class: "label" }, label);
    const head = (control) => h("div", { class: "fieldhead" }, control ? h("label", { class: "label", htmlFor: control.id }, label) : heading, h("span", { class: "cost" }));
    const notes = h("ul", { class: "ofField", "aria-label": `Findings about ${label.toLowerCase()}` });
    const place = (...inner) => h("section", { class: `cardfield ${kind}`, data: { field: key } }, ...inner, notes);
    if (!editing) {
      const shown = kind === "tags" ? h("p", { class: "chips" }, given.map((tag) => h("span", { class: "chip" }, tag)))
        : kind === "list" ? given.map((text, at) => h("details", {}, h("summary", {}, `Greeting ${at + 2}`), h("div", { class: "prose" }, prose(text))))
          : kind === "line" ? h("p", {}, given)
            : h("div", { class: "prose" }, prose(given));
      return place(head(), shown);
    }
    const id = unique("field");
    const described = hint ? `${id}-hint` : undefined;
    const under = hint && h("p", { class: "hint", id: described }, hint);
    if (kind === "text") {
      const area = textarea({ id, value: given, "aria-describedby": described, oninput: (event) => change(key, event.target.value) });
      return place(head(area), under, area);
    }
    if (kind === "list") {
      const list = [...given];
      const box = h("div", { class: "greetings" });
      const draw = (focus) => {
        fill(box, list.map((text, at) => h("div", { class: "greeting" },
          textarea({ value: text, "aria-label": `Greeting ${at + 2}`, oninput: (event) => {
            list[at] = event.target.value;
            change(key, [...list]);
          } }),
          button("bin", `Remove greeting ${at + 2}`, () => {
            list.splice(at, 1);
            change(key, [...list]);
            draw();
          }, { bare: true, class: "quiet square" }))),
        button("plus", "Add a greeting", () => {
          list.push("");
          change(key, [...list]);
          draw(list.length - 1);
        }));
        if (focus !== undefined) box.querySelectorAll("textarea")[focus].focus();
      };
      draw();
      return place(head(), box);
    }
    const written = kind === "tags" ? given.join(", ") : given;
    const read = (text) => (kind === "tags" ? text.split(",").map((tag) => tag.trim()).filter(Boolean) : text);
    const input = h("input", { id, type: "text", value: written, autocomplete: "off", "aria-describedby": described, oninput: (event) => change(key, read(event.target.value)) });
    return place(head(input), under, input);
  }

  function show() {
    const fields = view.spec || view.fields.tags.length > 0 ? FIELDS : FIELDS.filter(([key]) => V1.includes(key));
    fill(body, fields.filter(([key]) => editing || key !== "name").map(field));
    const facts = [
      ["Version", SPECS[view.spec] ?? "V1"],
      ["Container", view.container],
      ["Greetings", String(view.greetings)],
      view.lorebook > 0 && ["Lorebook", `${count(view.lorebook, "entry", "entries")}, ${count(view.tokens.lorebook, "token")}`],
      view.fields.creator && ["Creator", view.fields.creator],
      view.fields.character_version && ["Made as", view.fields.character_version],
    ].filter(Boolean);
    fill(side,
      portrait(id, view, view.version),
      h("p", { class: "total", role: "status" }),
      h("dl", { class: "facts" }, facts.map(([term, text]) => [h("dt", {}, term), h("dd", {}, text)])),
      report);
    const name = h("h1", { tabIndex: -1 }, view.name || "(no name)");
    fill(root,
      h("p", { class: "crumbs" }, h("a", { href: "#/" }, "Cards"), h("span", { "aria-hidden": "true" }, "/"), h("span", {}, id.startsWith(":") ? "only in this page" : id)),
      h("div", { class: "head" }, name, overview,
        h("div", { class: "row" },
          h("a", { class: "button primary", href: `#/chat/${encodeURIComponent(id)}` }, icon("chat"), h("span", {}, "Chat")),
          h("a", { class: "button", href: `#/prompt/${encodeURIComponent(id)}` }, icon("lines"), h("span", {}, "Prompt")),
          view.writable && !editing && button("edit", "Edit", () => {
            editing = true;
            show();
            body.querySelector("input, textarea")?.focus();
          }),
          button("save", "Save file", async () => {
            try {
              saveFile(...await cards.file(id));
            } catch (error) {
              toast(error.message, "error");
            }
          }))),
      h("div", { class: "columns" }, side, body),
      bar);
    showBar();
    showReport();
  }

  show();
  const keys = (event) => {
    if (!editing) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      if (changes.size > 0) save();
    }
  };
  const unsaved = (event) => {
    if (changes.size > 0) event.preventDefault();
  };
  addEventListener("keydown", keys);
  addEventListener("beforeunload", unsaved);
  return () => {
    removeEventListener("keydown", keys);
    removeEventListener("beforeunload", unsaved);
  };
}
