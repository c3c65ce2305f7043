"use strict";

const page = document.documentElement;
// An inert copy, from before the script changes anything: "This page" is saved from it.
const original = document.implementation.createHTMLDocument("").importNode(page, true);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const overview = document.querySelector(".overview");
const sound = document.querySelector("audio");
const spoken = all(".said").map((element) => ({
  element, start: Number(element.dataset.start), end: Number(element.dataset.end),
}));

// What the sticky timeline covers: the browser scrolls nothing that has the focus under it.
const cover = () => {
  page.style.setProperty("--lanes", `${document.querySelector(".timeline").offsetHeight}px`);
  const { position, top } = getComputedStyle(overview);
  page.style.setProperty("--covered", position === "sticky" ? `calc(${overview.offsetHeight}px + ${top})` : "0px");
};
const show = (element) => element.scrollIntoView({
  block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
});

for (const element of all(".controls, .exports")) element.hidden = false;
cover();
new ResizeObserver(cover).observe(overview);
if (sound) playWith(sound);
if (spoken.length) searchIn(document.getElementById("find"), document.getElementById("found"));
renameSpeakers();

// Another page may show this one in a frame, and send it names by label, and the recording. It gets the names that
// people type, and has a title and downloads of its own.
function joinFrame(labels, inputs) {
  const typed = () => new Map(inputs.map((input) => [labels[input.dataset.speaker], input.value.trim() || input.defaultValue]));
  const enter = (names) => {
    for (const input of inputs) {
      input.value = names.get(labels[input.dataset.speaker]) ?? input.value;
      for (const event of ["input", "change"]) input.dispatchEvent(new Event(event));
    }
  };
  const show = ({ names, recording }) => {
    if (names instanceof Map) enter(names);
    if (recording instanceof Blob && sound) sound.src = URL.createObjectURL(recording);
  };
  addEventListener("message", ({ source, data }) => {
    if (source !== parent) return;
    for (const element of all("h1, .exports")) element.hidden = true;
    show(data);
  });
  for (const input of inputs) input.addEventListener("change", () => parent.postMessage({ names: typed() }, "*"));
}

function playWith(sound) {
  const timeline = document.querySelector(".timeline svg");
  const playhead = document.getElementById("playhead");
  const follow = document.getElementById("follow");
  const duration = Number(timeline.dataset.duration);
  let current;

  const clock = (seconds) => {
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
    return (parts[0] ? parts : parts.slice(1)).map((part, at) => (at ? `${part}`.padStart(2, "0") : part)).join(":");
  };
  const play = () => sound.play().catch(() => page.classList.add("broken"));
  const seek = (seconds) => { sound.currentTime = Math.min(duration, Math.max(0, seconds)); };
  const playFrom = (seconds) => { seek(seconds); play(); };
  const followPlayback = () => { if (follow.checked && current) show(current); };
  const update = () => {
    const now = sound.currentTime, last = current;
    for (const end of ["x1", "x2"]) playhead.setAttribute(end, `${Math.min(100, 100 * now / duration)}%`);
    timeline.setAttribute("aria-valuenow", now.toFixed(1));
    timeline.setAttribute("aria-valuetext", `${clock(now)} of ${clock(duration)}`);
    if (!page.classList.contains("playing")) return;
    const at = spoken.filter(({ start, end }) => start <= now && now < end).map(({ element }) => element);
    for (const { element } of spoken) element.classList.toggle("now", at.includes(element));
    current = at[0] ?? current;
    if (current !== last && !sound.paused) followPlayback();
  };

  page.classList.add("playable");
  for (const [name, value] of Object.entries({
    role: "slider", tabindex: 0, "aria-label": "Position in the recording", "aria-valuemin": 0, "aria-valuemax": duration,
  })) timeline.setAttribute(name, value);
  update();

  if (sound.error) page.classList.add("broken");
  sound.addEventListener("error", () => page.classList.add("broken"));
  sound.addEventListener("timeupdate", () => { page.classList.add("playing"); update(); });
  timeline.addEventListener("click", (event) => {
    const box = timeline.getBoundingClientRect();
    playFrom(duration * (event.clientX - box.left) / box.width);
  });
  timeline.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 30, PageDown: -30, Home: -Infinity, End: Infinity };
    if (event.key in steps) seek(sound.currentTime + steps[event.key]);
    else if (event.key !== " " && event.key !== "Enter") return;
    else if (sound.paused) play();
    else sound.pause();
    event.preventDefault();
  });
  document.querySelector("main").addEventListener("click", (event) => {
    const from = event.target.closest("[data-start]");
    if (from && getSelection().isCollapsed) playFrom(Number(from.dataset.start));
  });
  document.getElementById("speed").addEventListener("change", (event) => {
    sound.defaultPlaybackRate = sound.playbackRate = Number(event.target.value);
  });
  // Scrolling by hand is reading elsewhere.
  for (const scrolled of ["wheel", "touchmove"]) {
    addEventListener(scrolled, (event) => { if (!overview.contains(event.target)) follow.checked = false; }, { passive: true });
  }
  follow.addEventListener("change", followPlayback);
}

function searchIn(input, found) {
  let matches = [], at = 0;
  const select = (index) => {
    matches[at]?.classList.remove("found");
    at = (index + matches.length) % matches.length || 0;
    matches[at]?.classList.add("found");
    if (matches.length) show(matches[at]);
    found.textContent = matches.length ? `${at + 1} of ${matches.length}` : input.value.trim() ? "not found" : "";
  };
  input.addEventListener("input", () => {
    const needle = input.value.trim().toLocaleLowerCase();
    for (const element of matches) element.classList.remove("match", "found");
    matches = spoken.map(({ element }) => element)
      .filter((element) => needle && element.textContent.toLocaleLowerCase().includes(needle));
    for (const element of matches) element.classList.add("match");
    select(0);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") select(event.shiftKey ? at - 1 : at + 1);
  });
}

function renameSpeakers() {
  const held = document.getElementById("data").textContent;
  const inputs = all(".name");
  const nameOf = (input) => input.value.trim() || input.defaultValue;
  const names = new Map(all(".names [data-name]").map((named) => [named.dataset.name, named.textContent]));

  const write = (root) => {
    for (const named of all("[data-name]", root)) named.textContent = names.get(named.dataset.name);
    for (const input of all(".name", root)) input.setAttribute("value", names.get(input.dataset.speaker));
  };
  const writeTips = (root) => {
    for (const tip of all("[data-who]", root)) {
      const text = `${tip.dataset.who.split(" ").map((row) => names.get(row)).join(" and ")} ${tip.dataset.rest}`;
      if (tip.localName === "title") tip.textContent = text;
      else tip.title = text;
    }
  };
  const readNames = () => { for (const input of inputs) names.set(input.dataset.speaker, nameOf(input)); };
  for (const input of inputs) {
    input.addEventListener("input", () => {
      readNames();
      for (const named of all(`[data-name="${input.dataset.speaker}"]`)) named.textContent = nameOf(input);
    });
    input.addEventListener("change", () => writeTips(document));
  }
  if (parent !== window) joinFrame(JSON.parse(held).speakers, inputs);

  // The recording's labels are in the order of the rows.
  const renamed = () => {
    const labels = new Map(JSON.parse(held).speakers.map((label, row) => [label, names.get(`${row}`)]));
    const name = (label) => labels.get(label) ?? label;
    return JSON.parse(held, (key, value) => (
      key === "speaker" ? name(value) : key === "speakers" || key === "also" ? [...new Set(value.map(name))] : value
    ));
  };
  const field = (text) => text.replace(/^;;|[\s\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, "_") || "<NA>";
  const oneLine = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "").replace(/[\s\p{Cc}]+/gu, " ").trim();
  const stamp = (seconds) => new Date(Math.round(1000 * seconds)).toISOString().slice(11, 23).replace(".", ",");
  const hours = (seconds) => `${Math.floor(seconds / 3600)}`.padStart(2, "0");
  const time = (seconds) => `${hours(Math.round(1000 * seconds) / 1000)}${stamp(seconds).slice(2)}`;
  const cue = ({ element, start, end }, at) => {
    const speaker = element.closest(".run").querySelector("[data-name]");
    const text = `${speaker ? `[${oneLine(names.get(speaker.dataset.name))}] ` : ""}${element.textContent}`;
    return `${at + 1}\n${time(start)} --> ${time(end)}\n${text.replace(/--+>/g, "->")}\n`;
  };
  const turn = (uri) => ({ start, end, speaker }) =>
    `SPEAKER ${uri} 1 ${start.toFixed(3)} ${(end - start).toFixed(3)} <NA> <NA> ${field(speaker)} <NA> <NA>\n`;

  const formats = {
    html: () => {
      const copy = original.cloneNode(true);
      write(copy);
      writeTips(copy);
      return `<!DOCTYPE html>\n${copy.outerHTML}\n`;
    },
    srt: () => spoken.map(cue).join("\n"),
    rttm: () => { const { uri, diarization } = renamed(); return diarization.map(turn(field(uri))).join(""); },
    json: () => `${JSON.stringify(renamed(), null, 1)}\n`,
  };
  const decode = (name) => { try { return decodeURIComponent(name); } catch { return name; } };  // of a name in Latin-1
  const file = decode(location.pathname.split("/").pop()) || "transcript.html";
  for (const button of all("[data-save]")) {
    button.addEventListener("click", () => {
      readNames();
      const format = button.dataset.save, link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([formats[format]()], { type: format === "html" ? "text/html" : "text/plain" }));
      link.download = format === "html" ? file : `${file.replace(/\.html?$/i, "")}.${format}`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
}
