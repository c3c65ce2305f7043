// Requests to the service. Addresses are relative, so that a proxy may serve it below a path.
const KEY = "api-key";  // of sessionStorage
const UNREACHABLE = { detail: "The server cannot be reached.", hint: "Check that it runs, then try again." };
const keyHeaders = () => (sessionStorage.getItem(KEY) ? { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` } : {});

class Problem extends Error {
  constructor({ status, detail, title, hint = "" }) {
    super(detail ?? title ?? `The server answered with status ${status}.`);
    this.hint = hint;
  }
}

function problemOf(status, text) {
  if (status === 401) askForKey(sessionStorage.getItem(KEY) ? "This key is not valid." : "");
  try { return new Problem({ status, ...JSON.parse(text) }); } catch { return new Problem({ status }); }
}

const unreachable = (signal) => (reason) => { throw signal?.aborted ? reason : new Problem(UNREACHABLE); };

async function request(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: keyHeaders() }).catch(unreachable(options.signal));
  if (!answer.ok) throw problemOf(answer.status, await answer.text());
  return answer;
}

// `how` is json, text or blob.
const read = async (how, path, options) => (await request(path, options))[how]().catch(unreachable(options?.signal));

// Server-sent events: EventSource could send no key.
async function* readEvents(path, signal) {
  const reader = (await request(path, { signal })).body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const blocks = (held + part.value).split(/\r?\n\r?\n/);
    held = blocks.pop();
    yield* blocks.map((block) => /^data: *(.*)$/m.exec(block)).filter(Boolean).map(([, data]) => JSON.parse(data));
  }
}

// Show in `place` what goes wrong with the action.
async function attempt(place, action) {
  try {
    showProblem(place);
    await action();
  } catch (reason) {
    if (reason instanceof Problem) showProblem(place, reason);
    else if (reason.name !== "AbortError") throw reason;
  }
}
