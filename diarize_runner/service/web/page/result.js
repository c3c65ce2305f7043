const LARGEST = 512 * 2 ** 20;  // bytes of a recording to play
const namesOf = new Map();  // names by label, of each job; lost with the page
let shown = { job: null, stop: null };

function prepareResult() {
  addEventListener("message", keepNames);
  byId("download").onsubmit = (event) => { event.preventDefault(); attempt(byId("result-problem"), download); };
  byId("delete").onclick = () => attempt(byId("result-problem"), async () => {
    if (await deleteJob(shown.job)) location.hash = "";
  });
}

async function openResult(id) {
  closeResult();
  const stop = new AbortController(), { signal } = stop;
  shown = { job: { id }, stop };
  await attempt(byId("result-problem"), async () => {
    const job = shown.job = await read("json", `v1/jobs/${id}`, { signal });
    document.title = `${job.name} - diarize-runner`;
    setText(byId("result-title"), job.name);
    byId("result-title").focus();
    await Promise.all([offerFormats(id, signal), showResult(job, signal)]);
  });
}

function closeResult() {
  shown.stop?.abort();
  shown = { job: null, stop: null };
  byId("frame").replaceChildren();
  byId("download").hidden = true;
  showProblem(byId("result-problem"));
  for (const id of ["result-title", "result-note"]) setText(byId(id), "");
}

async function offerFormats(id, signal) {
  const { formats } = await read("json", `v1/jobs/${id}/formats`, { signal });
  byId("format").replaceChildren(...formats.map(({ name, suffix, description }) => {
    const option = make("option", { value: name, textContent: `${name}: ${description}` });
    option.dataset.suffix = suffix;
    return option;
  }));
  byId("download").hidden = false;
}

async function showResult({ id, name }, signal) {
  const note = (text) => setText(byId("result-note"), text);
  note("Loading the result.");
  const recording = await request(`v1/jobs/${id}/recording`, { signal }).catch(() => null);
  const playable = recording !== null && Number(recording.headers.get("Content-Length")) <= LARGEST;
  if (!playable) recording?.body.cancel();
  const frame = await showFrame(await read("text", `v1/jobs/${id}/view?player=${playable}`, { signal }), name);
  const send = (message) => frame.contentWindow?.postMessage(message, "*");  // a sandboxed frame has no origin to name
  send({ names: namesOf.get(id) ?? new Map() });
  note(playable ? "Loading the recording." : "The recording is too large to play here, or is not there.");
  if (!playable) return;
  send({ recording: await recording.blob().catch(unreachable(signal)) });
  note("");
}

function showFrame(html, name) {
  const frame = make("iframe", { title: `Result of ${name}`, srcdoc: html, sandbox: "allow-scripts" });
  return new Promise((resolve) => {
    frame.onload = () => resolve(frame);
    byId("frame").replaceChildren(frame);
  });
}

// The frame sends all names when one changes.
function keepNames({ source, data }) {
  const frame = document.querySelector("#frame iframe");
  if (frame && source === frame.contentWindow && data?.names instanceof Map) namesOf.set(shown.job.id, data.names);
}

async function download() {
  const { id, name } = shown.job, [option] = byId("format").selectedOptions;
  const query = new URLSearchParams({ format: option.value });
  for (const [speaker, person] of namesOf.get(id) ?? []) if (speaker !== person) query.append("speaker", `${speaker}=${person}`);
  const href = URL.createObjectURL(await read("blob", `v1/jobs/${id}/result?${query}`));
  make("a", { href, download: `${stem(name)}${option.dataset.suffix}` }).click();
  URL.revokeObjectURL(href);
}
