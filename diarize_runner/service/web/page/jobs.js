const PAGE = 50, MOST = 1000, STREAMS = 2, SOON = 4000, LATER = 30000;  // milliseconds
const STATES = { queued: "Waiting", running: "Running", succeeded: "Done", failed: "Failed", cancelled: "Cancelled" };
const STAGES = {
  verify: "checking the models", "load models": "loading the models", "wait for the GPU": "waiting for the GPU",
  segmentation: "finding speech", embeddings: "telling voices apart", clustering: "grouping voices",
  transcription: "writing down words", voices: "recognising voices" };
const rows = new Map(), followed = new Map();
let cursor = null, timer = 0;

const isActive = ({ state }) => state === "queued" || state === "running";
const jobs = () => [...rows.values()].map(({ job }) => job);

async function refreshJobs() {
  clearTimeout(timer);
  await attempt(byId("jobs-problem"), async () => {
    const page = await read("json", `v1/jobs?limit=${Math.min(MOST, Math.max(PAGE, rows.size))}`);
    const ids = page.jobs.map(({ id }) => id);
    for (const [id, row] of rows) if (!ids.includes(id)) row.remove();
    showPage(page, 0);
    followJobs();
  });
  if (byId("start").hidden) return;
  clearTimeout(timer);
  timer = setTimeout(() => (document.hidden ? refreshWhenSeen() : refreshJobs()), jobs().some(isActive) ? SOON : LATER);
}

const refreshWhenSeen = () => document.addEventListener("visibilitychange", refreshJobs, { once: true });

const showOlder = () => attempt(byId("jobs-problem"), async () => {
  const last = byId("jobs").lastElementChild;
  showPage(await read("json", `v1/jobs?limit=${PAGE}&cursor=${encodeURIComponent(cursor)}`), rows.size);
  last?.nextElementSibling?.querySelector("button:not([hidden])").focus();
});

function showPage(page, from) {
  page.jobs.forEach((job, at) => {
    const row = rows.get(job.id) ?? new JobRow(job), there = byId("jobs").children[from + at];
    row.show(job);
    if (there !== row.element) byId("jobs").insertBefore(row.element, there ?? null);
  });
  cursor = page.next_cursor;
  byId("more").hidden = !cursor;
  byId("no-jobs").hidden = rows.size > 0;
}

class JobRow extends Row {
  constructor(job) {
    const stop = () => request(`v1/jobs/${job.id}/cancel`, { method: "POST" });
    const open = makeButton("Open", job.name, () => { location.hash = `job=${job.id}`; });
    const cancel = makeButton("Cancel", job.name, () => this.act(stop));
    const drop = makeButton("Delete", job.name, () => this.act(() => deleteJob(job)));
    super(job.name, byId("jobs"), open, cancel, drop);
    Object.assign(this, { job, open, cancel });
    rows.set(job.id, this);
  }

  show(job) {
    if (job.state !== this.job.state) announce(`${job.name}: ${STATES[job.state]}`);
    this.job = job;
    const runs = job.state === "running", stage = STAGES[job.stage] ?? job.stage;
    const state = runs ? `Running: ${stage ? `${stage}, ` : ""}${Math.floor(100 * job.progress)} %` : STATES[job.state];
    this.element.dataset.state = job.state;
    setText(this.text, `${state} · ${clock(job.audio_seconds)} long · ${moment(job.created_at)}`);
    showProblem(this.problem, job.failure && { message: job.failure.detail, hint: job.failure.hint });
    this.bar.value = job.progress;
    this.bar.hidden = !runs;
    this.open.hidden = job.state !== "succeeded";
    this.cancel.hidden = !isActive(job);
  }

  act = (action) => attempt(this.problem, async () => { await action(); refreshJobs(); });

  remove() {
    rows.delete(this.job.id);
    followed.get(this.job.id)?.abort();
    super.remove();
  }
}

async function deleteJob({ id, name }) {
  if (!await confirmed(`Delete ${name}, with its recording and its result?`)) return false;
  await request(`v1/jobs/${id}`, { method: "DELETE" });
  announce(`${name} is deleted`);
  return true;
}

// A browser opens six connections to a server, and each stream takes one: the timer reads the other jobs.
function followJobs() {
  const active = jobs().filter(isActive).reverse().sort((one, other) => (other.state === "running") - (one.state === "running"));
  for (const { id } of active) if (!followed.has(id) && followed.size < STREAMS) follow(id);
}

async function follow(id) {
  const stop = new AbortController();
  followed.set(id, stop);
  try {
    for await (const change of readEvents(`v1/jobs/${id}/events`, stop.signal)) {
      if (isActive(change)) rows.get(id)?.show({ ...rows.get(id).job, ...change });
    }
    setTimeout(refreshJobs);
  } catch {
    // The stream broke: the timer asks again.
  } finally {
    followed.delete(id);
  }
}
