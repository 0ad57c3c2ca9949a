// A chat with a card: swipes, going on, speaking for the user; kept in this browser.

import { allFormats, cards, portrait, post, stream } from "/page/api.js";
import { button, count, fill, findingList, h, highlighted, icon, labelled, legend, prose, remember, remembered, saveFile, textarea, toast } from "/page/dom.js";

export default async function chat(root, id) {
  const [view, formats] = await Promise.all([cards.get(id), allFormats()]);
  const key = `chat ${id}`;
  const options = { format: "limarp-v1", length: "", user: "", persona: "", tokens: 300, temperature: "", greeting: 0, ...remembered("options", {}), ...remembered(`${key} options`, {}) };
  let turns = remembered(key, []);
  let names = { char: view.name, user: options.user || "You" };
  let writing = null;
  let lastPrompt = null;

  const log = h("ol", { class: "log", "aria-label": `Chat with ${view.name}` });
  const said = h("p", { class: "heard", role: "status" });
  const input = textarea({ rows: 1, "aria-label": "Your message", placeholder: `Write to ${view.name}`, "aria-keyshortcuts": "Enter" });
  const actions = h("div", { class: "row composerow" });
  const composer = h("form", { class: "composer", onsubmit: (event) => {
    event.preventDefault();
    say();
  } }, input, actions);

  const keep = () => remember(key, turns.length > 0 ? turns : null);
  const text = (turn) => turn.swipes[turn.chosen];
  const messages = (list) => list.map((turn) => ({ role: turn.role, text: text(turn) }));
  const isLast = (at) => at === turns.length - 1;

  async function render(body, signal) {
    return post("/api/prompt/render", {
      ...cards.named(id), format: options.format, user: options.user, user_persona: options.persona, length: options.length,
      greeting: options.greeting, ...body,
    }, { signal });
  }

  async function begin() {
    const answer = await render({});
    names = { char: answer.char, user: answer.user };
    turns = answer.messages.map((message) => ({ role: message.role, swipes: [message.text], chosen: 0 }));
    // All greetings of the card are swipes of the first message.
    if (turns.length > 0) {
      for (let at = 1; at < view.greetings; at += 1) {
        const other = await render({ greeting: at });
        if (other.messages.length > 0) turns[0].swipes.push(other.messages[0].text);
      }
    }
    keep();
  }

  /** Streams what comes after the messages into `take`; whose turn is open is `open`, and `begun` is what it says already. */
  async function complete(history, open, begun, take) {
    const stop = new AbortController();
    writing = stop;
    controls();
    let reply = "";
    try {
      const answer = await render({ messages: messages(history), open, reply_tokens: options.tokens }, stop.signal);
      names = { char: answer.char, user: answer.user };
      lastPrompt = answer;
      const prompt = begun ? `${answer.prompt}${/\s$/.test(answer.prompt) ? "" : " "}${begun}` : answer.prompt;
      const request = { prompt, stop: answer.stop, max_tokens: options.tokens, special_tokens: answer.special_tokens };
      if (options.temperature !== "") request.temperature = Number(options.temperature);
      for await (const event of stream("/v1/completions", request, stop.signal)) {
        reply += event.choices?.[0]?.text ?? "";
        take(begun ? begun + reply : reply.trimStart());
      }
    } finally {
      writing = null;
    }
    return (begun ? begun + reply : reply).trim();
  }

  /** Has a turn written; errors are told, and an empty reply is none. */
  async function write(turn, history, begun = "") {
    const at = turns.indexOf(turn);
    const place = log.children[at];
    place?.classList.add("writing");
    const body = place?.querySelector(".prose");
    try {
      let now = begun;
      const done = (await complete(history, turn.role, begun, (whole) => {
        now = whole;
        turn.swipes[turn.chosen] = now;
        if (body) fill(body, prose(now));
        follow();
      }));
      turn.swipes[turn.chosen] = done;
      said.textContent = `${turn.role === "char" ? names.char : names.user}: ${done}`;
    } catch (error) {
      if (error.name !== "AbortError") toast(error.message, "error");
    }
    settle(turn);
  }

  /** Removes what stayed empty. */
  function settle(turn) {
    turn.swipes[turn.chosen] = text(turn).trim();
    if (text(turn) === "") {
      turn.swipes.splice(turn.chosen, 1);
      turn.chosen = Math.max(0, turn.chosen - 1);
      if (turn.swipes.length === 0) turns.splice(turns.indexOf(turn), 1);
    }
    keep();
    draw();
  }

  // The end stays in sight while it grows, until one scrolls up to read.
  let pinned = true;
  const room = document.documentElement;
  const follow = () => pinned && window.scrollTo(0, room.scrollHeight);
  const scrolled = () => (pinned = room.scrollHeight - room.scrollTop - room.clientHeight < 80);

  async function say() {
    if (writing) return;
    pinned = true;
    const words = input.value.trim();
    if (words !== "") {
      turns.push({ role: "user", swipes: [words], chosen: 0 });
      input.value = "";
      input.grow();
    } else if (turns.at(-1)?.role === "char") return void input.focus();
    await reply();
  }

  async function reply() {
    const turn = { role: "char", swipes: [""], chosen: 0 };
    const history = [...turns];
    turns.push(turn);
    draw();
    await write(turn, history);
    input.focus();
  }

  async function swipe(step) {
    const turn = turns.at(-1);
    const next = turn.chosen + step;
    if (next < 0 || writing) return;
    if (next < turn.swipes.length) {
      turn.chosen = next;
      keep();
      draw();
    } else if (turns.length > 1) {
      turn.swipes.push("");
      turn.chosen = next;
      draw();
      await write(turn, turns.slice(0, -1));
    }
    log.lastElementChild?.querySelector(".swipes button:last-child")?.focus();
  }

  async function goOn() {
    const turn = turns.at(-1);
    if (turn && !writing) await write(turn, turns.slice(0, -1), text(turn));
  }

  async function impersonate() {
    if (writing) return;
    const before = input.value;
    try {
      input.value = await complete(turns, "user", before.trim(), (now) => {
        input.value = now;
        input.grow();
      });
    } catch (error) {
      if (error.name !== "AbortError") {
        toast(error.message, "error");
        input.value = before;
      }
    }
    controls();
    input.grow();
    input.focus();
  }

  function edit(at) {
    const turn = turns[at];
    const area = textarea({ value: text(turn), "aria-label": "Message" });
    const done = () => {
      const now = area.value.trim();
      if (now !== "") turn.swipes[turn.chosen] = now;
      keep();
      draw();
      log.children[at]?.querySelector(".edit")?.focus();
    };
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") draw();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) done();
    });
    const body = log.children[at].querySelector(".prose");
    fill(body, area, h("div", { class: "row" }, button("check", "Done", done, { class: "primary" }), button("cross", "Cancel", draw)));
    area.grow();
    area.focus();
  }

  function drop(at) {
    turns.splice(at);
    keep();
    draw();
    input.focus();
  }

  function row(turn, at) {
    const isChar = turn.role === "char";
    const name = isChar ? names.char : names.user;
    const last = isLast(at);
    const many = turn.swipes.length;
    return h("li", { class: `turn ${turn.role}` },
      isChar ? portrait(id, view, view.version) : h("span", { class: "portrait small" }, h("span", { class: "initial", "aria-hidden": "true" }, [...name][0]?.toUpperCase() ?? "?")),
      h("div", { class: "said" },
        h("header", {}, h("strong", {}, name),
          h("span", { class: "turntools" },
            button("edit", `Edit message ${at + 1}`, () => edit(at), { bare: true, class: "quiet square edit" }),
            at > 0 && button("bin", `Delete message ${at + 1} and what follows`, () => drop(at), { bare: true, class: "quiet square" }))),
        h("div", { class: "prose" }, prose(text(turn))),
        last && isChar && (many > 1 || turns.length > 1) && h("div", { class: "swipes", role: "group", "aria-label": "Alternatives" },
          button("left", "Alternative before", () => swipe(-1), { bare: true, class: "quiet square", disabled: turn.chosen === 0 || writing !== null }),
          h("span", { "aria-label": `Alternative ${turn.chosen + 1} of ${many}` }, `${turn.chosen + 1} / ${many}`),
          button("right", turn.chosen + 1 < many ? "Next alternative" : "Write another alternative", () => swipe(1), { bare: true, class: "quiet square", disabled: writing !== null || (turns.length === 1 && turn.chosen + 1 === many) }))));
  }

  function controls() {
    const last = turns.at(-1);
    fill(actions, writing
      ? button("stop", "Stop", () => writing?.abort(), { class: "primary" })
      : [
          button("more", "Continue", goOn, { class: "quiet", "aria-label": "Continue", title: "Continue the last message", disabled: turns.length < 2 }),
          button("mask", "Write for me", impersonate, { class: "quiet", "aria-label": "Write for me", title: "Have your next message written" }),
          last?.role === "user" && input.value === ""
            ? h("button", { type: "submit", class: "primary" }, icon("send"), h("span", {}, "Reply"))
            : h("button", { type: "submit", class: "primary" }, icon("send"), h("span", {}, "Send")),
        ]);
  }

  function draw() {
    fill(log, turns.map(row));
    controls();
    follow();
  }

  function change(name, value) {
    options[name] = value;
    const shared = ["user", "persona", "format", "length", "tokens", "temperature"];
    remember("options", Object.fromEntries(shared.map((one) => [one, options[one]])));
    remember(`${key} options`, { greeting: options.greeting });
  }

  function settings() {
    const bound = (control, name, read = (value) => value) => {
      control.addEventListener("change", () => {
        change(name, read(control.value));
        if (turns.length <= 1 && ["user", "persona"].includes(name)) begin().then(draw, (error) => toast(error.message, "error"));
      });
      return control;
    };
    const of = () => formats.find((one) => one.name === options.format) ?? formats[0];
    const length = bound(h("select", {}), "length");
    const lengths = () => fill(length, ["", ...of().lengths].map((word) => h("option", { value: word, selected: word === options.length }, word || "as usual")));
    const format = bound(h("select", {}, formats.map((one) => h("option", { value: one.name, selected: one.name === options.format }, one.name))), "format");
    format.addEventListener("change", lengths);
    lengths();
    return h("details", { class: "settings" }, h("summary", {}, icon("gear"), h("span", {}, "Settings")),
      h("div", { class: "settingsgrid" },
        labelled("Your name", bound(h("input", { type: "text", value: options.user, placeholder: "as the card suggests", autocomplete: "off" }), "user")),
        labelled("Length of replies", length),
        labelled("Format", format),
        labelled("Tokens at most", bound(h("input", { type: "number", min: 16, max: 4096, value: String(options.tokens) }), "tokens", (value) => Math.min(4096, Math.max(16, Number(value) || 300)))),
        labelled("Temperature", bound(h("input", { type: "number", min: 0, max: 2, step: 0.05, value: options.temperature, placeholder: "as the server has it" }), "temperature")),
        h("div", { class: "wide" }, labelled("Your persona", bound(textarea({ value: options.persona, placeholder: "as the card suggests" }), "persona")))));
  }

  async function showPrompt() {
    const answer = lastPrompt ?? await render({ messages: messages(turns), open: "char", reply_tokens: options.tokens });
    const dialog = h("dialog", { class: "dialog wide", "aria-label": "The last prompt" },
      h("div", { class: "resulthead" }, h("h2", {}, answer.format), h("span", { class: "cost" }, count(answer.tokens, "token")), button("cross", "Close", () => dialog.close(), { bare: true, class: "quiet square" })),
      answer.dropped > 0 && h("p", { class: "note" }, `The oldest ${count(answer.dropped, "message")} did not fit.`),
      legend(), highlighted(answer.prompt, answer.outline, answer.findings), findingList(answer.findings));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  function exported() {
    const lines = [{ user_name: names.user, character_name: names.char, chat_metadata: {} }, ...turns.map((turn) => ({
      name: turn.role === "user" ? names.user : names.char, is_user: turn.role === "user", is_system: false, mes: text(turn),
      ...(turn.role === "char" ? { swipes: turn.swipes, swipe_id: turn.chosen } : {}),
    }))];
    saveFile(`${view.name || "chat"}.jsonl`, new Blob([lines.map((line) => `${JSON.stringify(line)}\n`).join("")]));
  }

  input.addEventListener("input", controls);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      say();
    }
  });

  if (turns.length === 0) await begin();
  fill(root,
    h("p", { class: "crumbs" }, h("a", { href: "#/" }, "Cards"), h("span", { "aria-hidden": "true" }, "/"), h("a", { href: `#/card/${encodeURIComponent(id)}` }, view.name)),
    h("div", { class: "head" }, h("h1", {}, view.name),
      h("div", { class: "row" },
        button("lines", "Prompt", () => showPrompt().catch((error) => toast(error.message, "error"))),
        button("save", "Save chat", exported),
        button("undo", "Start over", async () => {
          await begin();
          draw();
          input.focus();
        }))),
    settings(), log, said, composer);
  draw();
  root.addEventListener("shown", () => {
    window.scrollTo(0, document.documentElement.scrollHeight);
    input.grow();
  }, { once: true });
  addEventListener("scroll", scrolled, { passive: true });
  return () => {
    removeEventListener("scroll", scrolled);
    writing?.abort();
  };
}
