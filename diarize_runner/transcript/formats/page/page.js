"use strict";

const page = document.documentElement;
const sound = document.querySelector("audio");

if (sound) {
  const timeline = document.querySelector(".timeline svg");
  const playhead = document.getElementById("playhead");
  const duration = Number(timeline.dataset.duration);
  const segments = [...document.querySelectorAll(".said")].map((element) => ({
    element, start: Number(element.dataset.start), end: Number(element.dataset.end),
  }));

  const playFrom = (seconds) => {
    sound.currentTime = seconds;
    sound.play().catch(() => page.classList.add("broken"));
  };

  page.classList.add("playable");
  if (sound.error) page.classList.add("broken");
  sound.addEventListener("error", () => page.classList.add("broken"));
  sound.addEventListener("timeupdate", () => {
    const now = sound.currentTime;
    page.classList.add("playing");
    for (const end of ["x1", "x2"]) playhead.setAttribute(end, `${Math.min(100, 100 * now / duration)}%`);
    for (const { element, start, end } of segments) element.classList.toggle("now", start <= now && now < end);
  });
  timeline.addEventListener("click", (event) => {
    const box = timeline.getBoundingClientRect();
    playFrom(Math.max(0, duration * (event.clientX - box.left) / box.width));
  });
  document.querySelector("main").addEventListener("click", (event) => {
    const from = event.target.closest("[data-start]");
    if (from && getSelection().isCollapsed) playFrom(Number(from.dataset.start));
  });
}

const save = document.getElementById("save");
for (const input of document.querySelectorAll(".name")) {
  input.addEventListener("input", () => {
    input.setAttribute("value", input.value);
    for (const named of document.querySelectorAll(`[data-name="${input.dataset.speaker}"]`)) named.textContent = input.value;
    save.hidden = false;
  });
}
save.addEventListener("click", () => {
  const copy = page.cloneNode(true);
  copy.removeAttribute("class");
  for (const now of copy.querySelectorAll(".now")) now.classList.remove("now");
  copy.querySelector("#save").hidden = true;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`<!DOCTYPE html>\n${copy.outerHTML}\n`], { type: "text/html" }));
  link.download = decodeURIComponent(location.pathname.split("/").pop()) || "transcript.html";
  link.click();
  URL.revokeObjectURL(link.href);
});
