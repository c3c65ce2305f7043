// The service answers 401 to a request without a valid key, if it has keys.
function askForKey(message) {
  sessionStorage.removeItem(KEY);
  clearTimeout(timer);
  for (const row of rows.values()) row.remove();
  closeResult();
  for (const id of ["start", "result", "forget"]) byId(id).hidden = true;
  byId("ask-key").hidden = false;
  showProblem(byId("key-problem"), message && { message });
  byId("key").value = "";
  byId("key").focus();
}

async function start() {
  byId("ask-key").hidden = true;
  await attempt(byId("jobs-problem"), offerWhatTheServerCan);
  byId("forget").hidden = !sessionStorage.getItem(KEY);
  route();
}

// `#job=ID` is the result of a job; anything else is the list.
function route() {
  if (!byId("ask-key").hidden) return;
  const id = /^#job=([0-9a-f]{32})$/.exec(location.hash)?.[1], before = shown.job?.id;
  byId("start").hidden = Boolean(id);
  byId("result").hidden = !id;
  if (id) return openResult(id);
  closeResult();
  document.title = "diarize-runner";
  refreshJobs().then(() => rows.get(before)?.open.focus());
}

prepareUploads();
prepareResult();
byId("ask-key").onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, byId("key").value.trim());
  start();
};
byId("forget").onclick = () => { location.hash = ""; askForKey(""); };
byId("more").onclick = showOlder;
addEventListener("hashchange", route);
start();
