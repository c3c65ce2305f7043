const TRANSCRIPT = /\.(json|srt|vtt|txt|stm)$/i;
let chosen = [], transcripts = [], uploaded = Promise.resolve();

const kindOfWork = () => document.querySelector("[name=work]:checked").value;

function prepareUploads() {
  const drop = byId("drop");
  byId("recordings").onchange = (event) => { choose([...event.target.files]); event.target.value = ""; };
  byId("transcripts").onchange = (event) => { transcripts = [...event.target.files]; };
  for (const radio of document.querySelectorAll("[name=work]")) radio.onchange = showFields;
  for (const type of ["dragenter", "dragover"]) drop.addEventListener(type, () => drop.classList.add("over"));
  for (const type of ["dragleave", "drop"]) drop.addEventListener(type, () => drop.classList.remove("over"));
  // Without these, a file that is dropped beside the field replaces the page.
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); choose([...event.dataTransfer.files]); });
  byId("upload").onsubmit = (event) => { event.preventDefault(); submit(); };
}

async function offerWhatTheServerCan() {
  const { known_speakers } = await read("json", "v1/capabilities"), { data } = await read("json", "v1/models");
  byId("known-part").hidden = !known_speakers;
  byId("can-transcribe").hidden = !data.length;
  byId("model").replaceChildren(byId("model").options[0], ...data.map(({ id }) => make("option", { textContent: id })));
  showFields();
}

function showFields() {
  byId("transcripts-part").hidden = kindOfWork() !== "label";
  byId("model-part").hidden = kindOfWork() !== "run" || byId("model").options.length < 3;
}

function choose(files) {
  const texts = files.filter(({ name }) => TRANSCRIPT.test(name));
  chosen = [...chosen, ...files.filter((file) => !texts.includes(file))];
  if (texts.length) {
    const data = new DataTransfer();
    for (const file of [...transcripts, ...texts]) data.items.add(file);
    byId("transcripts").files = data.files;
    transcripts = [...data.files];
    document.querySelector("[value=label]").checked = true;
    showFields();
  }
  showProblem(byId("upload-problem"));
  showChosen();
}

function showChosen() {
  byId("chosen").replaceChildren(...chosen.map((file) => {
    const remove = () => { chosen = chosen.filter((each) => each !== file); showChosen(); byId("recordings").focus(); };
    return make("li", {}, make("span", { textContent: file.name, dir: "auto" }), makeButton("Remove", file.name, remove));
  }));
}

function transcriptOf({ name }) {
  const only = chosen.length === 1 && transcripts.length === 1 ? transcripts[0] : undefined;
  return transcripts.find((each) => stem(each.name) === stem(name)) ?? only;
}

function problemOfChoice() {
  if (!chosen.length) return { message: "No recording is chosen", hint: "Choose recordings, or drop them here" };
  const lacking = kindOfWork() === "label" && chosen.find((file) => !transcriptOf(file));
  return lacking && { message: `There is no transcript for ${lacking.name}`, hint: `Choose ${stem(lacking.name)}.srt, or one with another suffix` };
}

function submit() {
  const problem = problemOfChoice();
  showProblem(byId("upload-problem"), problem);
  if (problem) return;
  for (const file of chosen) new Upload(file.name, formOf(file)).enqueue();
  chosen = transcripts = [];
  byId("transcripts").value = "";
  showChosen();
}

function formOf(file) {
  const form = new FormData(), kind = kindOfWork(), add = (name, value) => { if (value) form.append(name, value); };
  add("file", file);
  add("task", kind === "run" ? "run" : "diarize");
  add("transcript", kind === "label" && transcriptOf(file));
  add("model", kind === "run" && byId("model").value);
  add("known_speakers", byId("known").checked);
  add("num_speakers", byId("speakers").value);
  return form;
}

class Upload extends Row {
  constructor(name, form) {
    const again = makeButton("Try again", name, () => this.enqueue()), drop = makeButton("Cancel", name, () => this.cancel());
    super(name, byId("uploads"), again, drop);
    Object.assign(this, { form, again, drop });
    // The same key for each attempt: one of which only the answer was lost makes no second job.
    this.key = crypto.getRandomValues(new Uint32Array(4)).join("-");
  }

  // One after another: each gets the whole bandwidth, and the first job begins early.
  enqueue() {
    this.show("Waiting for the uploads before it.");
    uploaded = uploaded.then(() => this.send());
  }

  show(text, problem) {
    setText(this.text, text);
    showProblem(this.problem, problem);
    this.bar.hidden = !text;
    this.again.hidden = Boolean(text);
    label(this.drop, text ? "Cancel" : "Dismiss", this.name);
  }

  send() {
    return new Promise((resolve) => {
      if (!this.element.isConnected) return resolve();
      const http = this.http = new XMLHttpRequest(), headers = { ...keyHeaders(), "Idempotency-Key": this.key };
      http.open("POST", "v1/jobs");
      for (const [name, value] of Object.entries(headers)) http.setRequestHeader(name, value);
      http.upload.onprogress = ({ loaded, total }) => this.showProgress(loaded / total);
      http.upload.onload = () => this.show("Uploaded. The server reads the recording.");
      http.onload = () => this.end(http.status, http.responseText);
      http.onerror = () => this.fail({ message: "The upload was interrupted", hint: "Check the connection, and that the file has not changed" });
      http.onloadend = resolve;
      announce(`Uploading ${this.name}`);
      http.send(this.form);
    });
  }

  showProgress(share) {
    this.bar.value = share;
    this.show(`Uploading: ${Math.floor(100 * share)} %`);
  }

  end(status, text) {
    if (status !== 202) return this.fail(problemOf(status, text));
    const { warnings } = JSON.parse(text);
    announce(`${this.name} is uploaded`);
    if (warnings.length) this.show("", { message: warnings.join(". ") });
    else this.remove();
    this.again.hidden = true;
    refreshJobs();
  }

  fail(problem) {
    announce(`${this.name} was not uploaded`);
    this.show("", problem);
  }

  cancel() {
    this.http?.abort();
    this.remove();
  }
}
