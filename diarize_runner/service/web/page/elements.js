// Names of files and speakers are untrusted: they become text, never HTML.
const byId = (id) => document.getElementById(id);
const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const announce = (text) => setText(byId("live"), text);
const moment = (text) => new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
const stem = (name) => name.replace(/\.[^.]*$/, "");

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function label(button, text, name) {
  setText(button, text);
  button.setAttribute("aria-label", `${text} ${name}`);
  return button;
}

const makeButton = (text, name, onclick) => label(make("button", { type: "button", onclick }), text, name);

// The service begins messages with a small letter; the first word may be the name of a file or a command, too.
const sentence = (text) => text.replace(/^[a-z]+(?= )/, (word) => word[0].toUpperCase() + word.slice(1)).replace(/\.?$/, ".");

function showProblem(place, problem) {
  place.hidden = !problem;
  setText(place, problem ? [problem.message, problem.hint].filter(Boolean).map(sentence).join(" ") : "");
}

function clock(seconds) {
  const [whole, two] = [Math.round(seconds), (number) => `${number}`.padStart(2, "0")];
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

// A recording with a progress bar; what extends it is an upload or a job.
class Row {
  constructor(name, list, ...buttons) {
    this.name = name;
    this.bar = make("progress", { max: 1, value: 0, ariaLabel: `Progress of ${name}` });
    this.text = make("p", { className: "quiet" });
    this.problem = make("p", { className: "problem", hidden: true });
    const title = make("h3", { textContent: name, dir: "auto" }), actions = make("p", { className: "actions" }, ...buttons);
    this.element = make("li", {}, title, this.text, this.bar, this.problem, actions);
    list.append(this.element);
  }

  remove() {
    const beside = this.element.nextElementSibling ?? this.element.previousElementSibling;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.remove();
    if (hadFocus) (beside?.querySelector("button:not([hidden])") ?? byId("recordings")).focus();
  }
}

// Resolves to whether the answer is yes; Escape means no.
function confirmed(question) {
  const dialog = byId("confirm");
  setText(byId("question"), question);
  return new Promise((resolve) => {
    for (const id of ["yes", "no"]) byId(id).onclick = () => dialog.close(id);
    // The browser may tell of the last close when the dialog is open again.
    dialog.onclose = () => { if (!dialog.open) resolve(dialog.returnValue === "yes"); };
    dialog.returnValue = "";
    dialog.showModal();
    byId("no").focus();
  });
}
