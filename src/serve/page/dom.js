// Elements and text. Nothing here, or anywhere on the page, makes markup from a text: what a card or a model says only
// ever becomes text nodes.

/** An element with properties and children; texts become text nodes, null and false nothing. */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name in element && !name.startsWith("aria") && name !== "list" && name !== "role") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  put(element, children);
  return element;
}

/** Adds children, which may be nested lists. */
export function put(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
  return element;
}

/** Replaces what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  return put(element, children);
}

const ICONS = {
  cards: "M7 4h9a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zm4.500 4.500a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM8 17c.3-2 1.700-3 3.500-3s3.200 1 3.500 3M20.500 7v11a4 4 0 0 1-4 4",
  spark: "M12 3l1.900 5.100L19 10l-5.100 1.900L12 17l-1.900-5.100L5 10l5.100-1.900zM19 16v4M17 18h4M5 4v3M3.500 5.500h3",
  lines: "M4 6h16M4 10h10M4 14h16M4 18h7",
  eye: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  chat: "M4 5h16v11H9l-5 4z",
  send: "M4 12l16-8-5 16-3.500-6.500zM11.500 13.500L20 4",
  stop: "M6 6h12v12H6z",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  again: "M20 11a8 8 0 1 0-2.300 6.200M20 4v7h-7",
  more: "M5 5l7 7-7 7M13 5l7 7-7 7",
  mask: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c.6-4 3.600-6 7.500-6s6.900 2 7.500 6",
  edit: "M4 20l1-4L16.500 4.500a2.100 2.100 0 0 1 3 3L8 19z",
  bin: "M5 7h14M10 4h4M7 7l1 13h8l1-13",
  save: "M12 4v11M7 11l5 5 5-5M5 20h14",
  plus: "M12 5v14M5 12h14",
  check: "M5 12.500l4.500 4.500L19 7.500",
  cross: "M6 6l12 12M18 6L6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  moon: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z",
  half: "M12 3.500a8.500 8.500 0 1 0 0 17zM12 3.500a8.500 8.500 0 0 1 0 17",
  gear: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5",
  undo: "M8 5L4 9l4 4M4 9h10a5.500 5.500 0 0 1 0 11h-4",
  copy: "M9 9h10v11H9zM5 15V4h10",
  search: "M10.500 4.500a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5",
};

/** A drawing that screen readers pass over. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of [["viewBox", "0 0 24 24"], ["class", "icon"], ["aria-hidden", "true"], ["focusable", "false"]]) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name] ?? "");
  svg.append(path);
  return svg;
}

/** A button with a drawing; without a visible word the label is for screen readers and the tooltip. */
export function button(name, label, onclick, properties = {}) {
  const { bare, ...rest } = properties;
  const words = bare ? { "aria-label": label, title: label } : {};
  return h("button", { type: "button", ...words, ...rest, onclick }, icon(name), bare ? null : h("span", {}, label));
}

/** A labelled control. */
export function labelled(label, control, hint) {
  control.id ||= unique("control");
  const note = hint ? h("span", { class: "hint", id: `${control.id}-hint` }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { htmlFor: control.id }, label), control, note);
}

let last = 0;
export const unique = (prefix) => `${prefix}-${++last}`;

/** Words for a number of things. */
export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

const INLINE = /(\*\*[^*\n]+\*\*|\*[^*\n]+\*|(?<!\w)_[^_\n]+_(?!\w)|`[^`\n]+`|"[^"\n]*"|“[^”\n]*”)/;

/** A text with its emphasis and its speech marked, by paragraphs. */
export function prose(text) {
  const fragment = document.createDocumentFragment();
  for (const paragraph of text.split(/\n\s*\n/)) {
    if (paragraph.trim() === "") continue;
    const element = h("p", {});
    paragraph.trim().split("\n").forEach((line, at) => {
      if (at > 0) element.append(h("br", {}));
      inline(element, line);
    });
    fragment.append(element);
  }
  return fragment;
}

function inline(element, text) {
  for (const part of text.split(INLINE)) {
    if (part === "") continue;
    const inner = (tag, cut, name) => {
      const child = h(tag, name ? { class: name } : {});
      inline(child, part.slice(cut, part.length - cut));
      element.append(child);
    };
    if (/^\*\*[^*]+\*\*$/.test(part)) inner("strong", 2);
    else if (/^(\*[^*]+\*|_[^_]+_)$/.test(part)) inner("em", 1);
    else if (/^`[^`]+`$/.test(part)) element.append(h("code", {}, part.slice(1, -1)));
    else if (/^["“].*["”]$/s.test(part) && part.length > 1) {
      const speech = h("span", { class: "speech" }, part[0]);
      inline(speech, part.slice(1, -1));
      speech.append(part.at(-1));
      element.append(speech);
    } else element.append(part);
  }
}

/** Says something in the corner, and to screen readers. */
export function toast(text, kind = "info") {
  const element = h("p", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), kind === "error" ? 9000 : 4000);
}

/** Calls `work` once things have been quiet for a while. */
export function debounce(work, milliseconds = 250) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), milliseconds);
  };
}

/** A textarea that is as high as its text. */
export function textarea(properties) {
  const area = h("textarea", { rows: 2, spellcheck: true, ...properties });
  const grow = () => {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + 2}px`;
  };
  area.addEventListener("input", grow);
  area.grow = grow;
  requestAnimationFrame(grow);
  return area;
}

/** What was remembered in this browser, or a default. */
export function remembered(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`cardwright:${key}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Remembers something in this browser; a full or forbidden store is no reason to stop. */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(`cardwright:${key}`);
    else localStorage.setItem(`cardwright:${key}`, JSON.stringify(value));
  } catch {
    toast("This browser does not let the page remember things.", "warning");
  }
}

/** Hands a file to the browser to be saved. */
export function saveFile(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const SEVERITIES = ["error", "warning", "info"];

/** How many findings there are of each sort, as small badges. */
export function tally(findings) {
  const badges = SEVERITIES.map((severity) => {
    const number = findings.filter((finding) => finding.severity === severity).length;
    return number > 0 && h("span", { class: `badge ${severity}` }, count(number, severity, severity === "info" ? "notes" : undefined).replace("1 info", "1 note"));
  });
  return findings.length > 0 ? badges : h("span", { class: "badge good" }, "no findings");
}

/** A list of findings; `go` is called with the one that was chosen. */
export function findingList(findings, go) {
  if (findings.length === 0) return h("p", { class: "clear" }, icon("check"), "Nothing to complain about.");
  return h("ul", { class: "findings" }, findings.map((finding) => {
    const text = [
      h("span", { class: `badge ${finding.severity}` }, finding.severity),
      h("code", {}, finding.code),
      h("span", { class: "message" }, finding.message),
      finding.fix ? h("span", { class: "fix" }, finding.fix) : null,
    ];
    return h("li", {}, go ? h("button", { type: "button", class: "finding", onclick: () => go(finding) }, text) : h("div", { class: "finding" }, text));
  }));
}

const PARTS = { system: "System", label: "Labels", char: "Character", user: "User", speaker: "Speakers", tag: "Markers" };

/** What the colours of a prompt mean. */
export function legend() {
  return h("ul", { class: "legend", "aria-label": "Colours" }, Object.entries(PARTS).map(([part, word]) => h("li", { class: `part-${part}` }, word)));
}

/** A prompt with its roles in colours and its findings marked. Spans are in bytes. */
export function highlighted(prompt, outline, findings) {
  const bytes = new TextEncoder().encode(prompt);
  const decoder = new TextDecoder();
  const marks = findings.map((finding, at) => ({ finding, at, span: finding.place?.bytes })).filter((mark) => mark.span);
  const cuts = new Set([0, bytes.length]);
  for (const { span } of [...outline, ...marks]) {
    cuts.add(span.start);
    cuts.add(Math.min(span.end, bytes.length));
  }
  const places = [...cuts].sort((a, b) => a - b);
  const element = h("pre", { class: "prompttext", tabindex: "0", role: "region", "aria-label": "The prompt, with its parts in colours" });
  places.forEach((start, index) => {
    for (const mark of marks.filter(({ span }) => span.start === start && span.end <= start)) {
      element.append(h("mark", { class: `mark point ${mark.finding.severity}`, id: `mark-${mark.at}`, title: mark.finding.message }, "\u200b"));
    }
    const end = places[index + 1];
    if (end === undefined) return;
    const text = decoder.decode(bytes.subarray(start, end));
    const stretch = outline.find(({ span }) => span.start <= start && end <= span.end);
    const covering = marks.filter(({ span }) => span.start <= start && end <= span.end);
    const piece = stretch ? h("span", { class: `part-${stretch.kind}` }, text) : document.createTextNode(text);
    if (covering.length === 0) return element.append(piece);
    const [worst] = covering.toSorted((a, b) => SEVERITIES.indexOf(a.finding.severity) - SEVERITIES.indexOf(b.finding.severity));
    const begins = covering.find(({ span }) => span.start === start);
    element.append(h("mark", { class: `mark ${worst.finding.severity}`, id: begins && `mark-${begins.at}`, title: covering.map(({ finding }) => finding.message).join("\n") }, piece));
  });
  return element;
}

/** Shows where a finding is in a highlighted prompt. */
export function showMark(root, findings, finding) {
  const mark = root.querySelector(`#mark-${findings.indexOf(finding)}`);
  if (!mark) return;
  mark.scrollIntoView({ block: "center", behavior: "smooth" });
  mark.classList.add("shown");
  setTimeout(() => mark.classList.remove("shown"), 1600);
}
