// A prompt in colours: of a card as a model would see it, or pasted from anywhere; with what is wrong with it.

import { allFormats, cards, post } from "/page/api.js";
import { button, count, debounce, fill, findingList, h, highlighted, labelled, legend, remember, remembered, showMark, tally, textarea, toast } from "/page/dom.js";

export default async function prompt(root, id) {
  const [formats, listed] = await Promise.all([allFormats(), cards.list()]);
  const known = listed.cards.find((card) => card.file === id);
  let pasted = id === null && remembered("pasted", "") !== "";
  let turn = 0;

  const result = h("section", { class: "result", "aria-label": "The prompt" });
  const controls = h("form", { class: "controls", onsubmit: (event) => event.preventDefault() });

  const choices = (rows, chosen) => rows.map(([value, word]) => h("option", { value, selected: value === chosen }, word));
  const card = h("select", {}, choices([["", "choose a card…"], ...listed.cards.map((one) => [one.file, one.name])], id ?? ""));
  const format = h("select", {}, choices(formats.map((one) => [one.name, one.name]), remembered("format", "limarp-v1")));
  const any = h("select", {}, choices([["", "find out"], ...formats.map((one) => [one.name, one.name])], ""));
  const user = h("input", { type: "text", value: remembered("user", ""), placeholder: "as the card suggests", autocomplete: "off" });
  const persona = textarea({ value: remembered("persona", ""), placeholder: "as the card suggests" });
  const length = h("select", {});
  const greeting = h("select", {}, Array.from({ length: known?.greetings ?? 1 }, (_, at) => h("option", { value: String(at) }, at === 0 ? "first" : `other ${at}`)));
  const message = textarea({ placeholder: "nothing: it is your turn" });
  const text = textarea({ class: "pasted", value: remembered("pasted", ""), placeholder: "Paste a prompt from any front-end", spellcheck: false });

  function lengths() {
    const of = formats.find((one) => one.name === format.value);
    const chosen = length.value || remembered("length", "");
    fill(length, choices([["", of.default_length ? `as usual (${of.default_length})` : "not said"], ...of.lengths.map((word) => [word, word])], of.lengths.includes(chosen) ? chosen : ""));
    length.disabled = of.lengths.length === 0;
  }

  const show = debounce(async () => {
    const now = ++turn;
    result.setAttribute("aria-busy", "true");
    try {
      const answer = pasted ? await checked() : await rendered();
      if (now === turn) draw(answer);
    } catch (error) {
      if (now === turn) fill(result, h("p", { class: "note error", role: "alert" }, error.message));
    }
    result.removeAttribute("aria-busy");
  }, 200);

  async function rendered() {
    if (!id) return null;
    const body = {
      ...cards.named(id), format: format.value, user: user.value, user_persona: persona.value, length: length.value, greeting: Number(greeting.value),
    };
    const answer = await post("/api/prompt/render", body);
    if (message.value.trim() === "") return answer;
    return post("/api/prompt/render", { ...body, messages: [...answer.messages, { role: "user", text: message.value.trim() }] });
  }

  async function checked() {
    remember("pasted", text.value || null);
    if (text.value === "") return null;
    const answer = await post("/api/prompt/check", { prompt: text.value, ...(any.value ? { format: any.value } : {}) });
    return { ...answer, prompt: text.value };
  }

  function draw(answer) {
    if (!answer) {
      return void fill(result, h("p", { class: "empty" }, pasted ? "Paste a prompt to have it checked." : "Choose a card to see what a model is told."));
    }
    const shown = highlighted(answer.prompt, answer.outline, answer.findings);
    fill(result,
      h("div", { class: "resulthead" },
        h("h2", {}, answer.format, h("span", { class: "badges" }, tally(answer.findings))),
        h("span", { class: "cost" }, count(answer.tokens, "token")),
        answer.fixed !== undefined && answer.fixed !== answer.prompt && button("check", "Mend it", () => {
          text.value = answer.fixed;
          text.grow();
          show();
        }),
        button("copy", "Copy", async () => {
          await navigator.clipboard.writeText(answer.prompt).then(() => toast("Copied."), () => toast("The browser does not let the page copy.", "error"));
        })),
      legend(),
      shown,
      answer.stop?.length > 0 && h("p", { class: "stops" }, "Stops at ", answer.stop.map((stop) => h("code", {}, JSON.stringify(stop).slice(1, -1)))),
      h("h3", {}, "Findings"),
      findingList(answer.findings, (finding) => showMark(shown, answer.findings, finding)),
      answer.notes?.length > 0 && [h("h3", {}, "What was changed on the way from the card"), findingList(answer.notes)]);
  }

  function mode(to) {
    pasted = to;
    const tab = (word, is) => h("button", { type: "button", "aria-pressed": String(pasted === is), onclick: () => mode(is) }, word);
    fill(controls,
      h("div", { class: "switch", role: "group", "aria-label": "Where the prompt comes from" }, tab("From a card", false), tab("Pasted", true)),
      pasted
        ? [labelled("Prompt", text), labelled("Format", any)]
        : [
            labelled("Card", card),
            labelled("Format", format, formats.find((one) => one.name === format.value)?.about),
            h("div", { class: "pair" }, labelled("Greeting", greeting), labelled("Length", length)),
            labelled("Your name", user),
            labelled("Your persona", persona),
            labelled("Your message", message, "With one, the character's turn is open; without, it is yours."),
          ]);
    if (pasted) requestAnimationFrame(text.grow);
    show();
  }

  card.addEventListener("change", () => (location.hash = card.value ? `#/prompt/${encodeURIComponent(card.value)}` : "#/prompt"));
  format.addEventListener("change", () => {
    remember("format", format.value);
    lengths();
    mode(pasted);
    format.focus();
  });
  for (const [control, key] of [[user, "user"], [persona, "persona"], [length, "length"]]) {
    control.addEventListener("input", () => {
      remember(key, control.value || null);
      show();
    });
  }
  for (const control of [greeting, message, text, any]) control.addEventListener("input", show);

  lengths();
  fill(root, h("div", { class: "head" }, h("h1", {}, "Prompt"), known && h("p", { class: "told" }, "of ", h("a", { href: `#/card/${encodeURIComponent(id)}` }, known.name))),
    h("div", { class: "columns" }, controls, result));
  mode(pasted);
}
