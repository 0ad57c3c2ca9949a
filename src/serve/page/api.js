// The server: requests, streams, and the cards in its folder or only in this page.

import { h, labelled } from "/page/dom.js";

/** An answer that is no. */
export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const KEY = "cardwright:key";

function headers(more) {
  const key = sessionStorage.getItem(KEY);
  return key ? { ...more, authorization: `Bearer ${key}` } : more;
}

let asking = null;

/** Asks for the key of a server that wants one; several requests wait for one answer. */
function askForKey() {
  asking ??= new Promise((resolve) => {
    const input = h("input", { type: "password", autocomplete: "current-password", required: true });
    const dialog = h("dialog", { class: "dialog", "aria-label": "This server asks for its key" },
      h("form", { onsubmit: (event) => {
        event.preventDefault();
        sessionStorage.setItem(KEY, input.value.trim());
        dialog.close();
      } },
        h("h2", {}, "This server asks for its key"),
        labelled("API key", input, "What it was started with as --api-key; kept until this tab is closed."),
        h("div", { class: "row end" }, h("button", { type: "submit", class: "primary" }, "Continue"))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      asking = null;
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

async function send(method, path, body, { signal, raw } = {}) {
  for (;;) {
    const options = { method, signal, headers: headers({}) };
    if (raw) {
      options.headers["content-type"] = "application/octet-stream";
      options.body = raw;
    } else if (body !== undefined) {
      options.headers["content-type"] = "application/json";
      options.body = JSON.stringify(body);
    }
    let response;
    try {
      response = await fetch(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal("the server cannot be reached", 0);
    }
    if (response.status === 401) {
      sessionStorage.removeItem(KEY);
      await askForKey();
      if (sessionStorage.getItem(KEY)) continue;
    }
    if (!response.ok) {
      const answer = await response.json().catch(() => ({}));
      const message = answer.error?.message ?? answer.detail?.msg ?? `the server said ${response.status}`;
      throw new Refusal(message, response.status);
    }
    return response;
  }
}

export const get = async (path, options) => (await send("GET", path, undefined, options)).json();
export const post = async (path, body, options) => (await send("POST", path, body, options)).json();

/** The events of a stream, as they come. */
export async function* stream(path, body, signal) {
  const response = await send("POST", path, { ...body, stream: true }, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
      if (data === "" || data === "[DONE]") continue;
      const told = JSON.parse(data);
      if (told.error) throw new Refusal(told.error.message ?? "the stream broke off", told.error.code);
      yield told;
    }
  }
}

// Cards that are only in this page have names that no file has.
const local = new Map();
const isLocal = (id) => id.startsWith(":");
const pictures = new Map();

/** Whether the server has a folder for cards; unknown until it was asked. */
export let hasFolder = null;

function localEntry(id) {
  const entry = local.get(id);
  if (!entry) throw new Refusal("this card was only in the page, and the page was loaded anew", 404);
  return entry;
}

export const cards = {
  async list() {
    const own = [...local].map(([id, entry]) => ({ ...entry.view, file: id, changed: entry.changed, unsaved: true }));
    try {
      const listed = await get("/api/cards");
      hasFolder = true;
      return { ...listed, cards: [...own, ...listed.cards] };
    } catch (error) {
      if (error.status !== 404) throw error;
      hasFolder = false;
      return { cards: own, unreadable: [], complete: true };
    }
  },

  async get(id) {
    if (isLocal(id)) return { ...localEntry(id).view, file: id, unsaved: true };
    return get(`/api/cards/${encodeURIComponent(id)}`);
  },

  /** Takes a file in and says where it is now. */
  async add(name, blob) {
    if (hasFolder === null) await this.list();
    if (hasFolder) {
      const path = `/api/cards?name=${encodeURIComponent(name)}`;
      return (await (await send("POST", path, undefined, { raw: blob })).json()).file;
    }
    const view = await (await send("POST", "/api/card/read", undefined, { raw: blob })).json();
    const id = `:${local.size + 1}`;
    local.set(id, { name, blob, view, changed: Math.floor(Date.now() / 1000) });
    return id;
  },

  async save(id, edits, version) {
    if (!isLocal(id)) return post(`/api/cards/${encodeURIComponent(id)}`, { edits, version });
    const entry = localEntry(id);
    const file = await base64(entry.blob);
    entry.blob = await (await send("POST", "/api/card/edit", { file, edits })).blob();
    entry.view = await (await send("POST", "/api/card/read", undefined, { raw: entry.blob })).json();
    return this.get(id);
  },

  /** Where its picture is, or null. */
  picture(id, version = "") {
    const key = `${id} ${version}`;
    if (!pictures.has(key)) pictures.set(key, load(id).catch(() => null));
    return pictures.get(key);
  },

  /** Its file, and a name to save it under. */
  async file(id) {
    if (isLocal(id)) return [localEntry(id).name, localEntry(id).blob];
    return [id, await (await send("GET", `/api/cards/${encodeURIComponent(id)}/download`)).blob()];
  },

  /** How a request names the card. */
  named: (id) => (isLocal(id) ? { card: JSON.stringify(localEntry(id).view.card) } : { file: id }),
};

async function load(id) {
  let blob;
  if (isLocal(id)) {
    blob = localEntry(id).blob;
  } else {
    blob = await (await send("GET", `/api/cards/${encodeURIComponent(id)}/picture`)).blob();
  }
  return URL.createObjectURL(blob);
}

export async function base64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

export const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

let formats = null;
/** The prompt formats, asked for once. */
export const allFormats = () => (formats ??= get("/api/prompt/formats").catch((error) => {
  formats = null;
  throw error;
}));

/** A portrait, or the first letter where there is none. */
export function portrait(id, card, version, properties = {}) {
  const { name } = card;
  const frame = h("span", { class: "portrait", ...properties }, h("span", { class: "initial", "aria-hidden": "true" }, [...(name || "?")][0].toUpperCase()));
  const show = async () => {
    const url = await cards.picture(id, version);
    if (url) frame.replaceChildren(h("img", { src: url, alt: "", decoding: "async" }));
  };
  if (!card.picture) return frame;
  // Pictures come when they are looked at: a folder may hold thousands.
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    show();
  }, { rootMargin: "300px" });
  seen.observe(frame);
  return frame;
}

