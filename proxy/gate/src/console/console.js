// Decisions as they come. Without this the page is loaded again.
"use strict";
(() => {
  const body = document.getElementById("decisions");
  const said = document.getElementById("live");
  const pause = document.getElementById("pause");
  if (!body || !said || !pause || !window.EventSource) return;

  const MOST = 200;
  const WAITING = 1000;
  let paused = false;
  let waiting = [];
  let missed = 0;

  const cell = (content) => {
    const td = document.createElement("td");
    td.append(content);
    return td;
  };
  const code = (value) => {
    const link = document.createElement("a");
    link.href = "/explain?code=" + encodeURIComponent(value);
    link.textContent = value;
    const element = document.createElement("code");
    element.append(link);
    return element;
  };
  const verdict = (value) => {
    const badge = document.createElement("span");
    badge.className = "badge " + ({ allow: "good", refuse: "bad" }[value] || "plain");
    badge.textContent = value;
    return badge;
  };
  const add = ({ code: name, verdict: word, cells: [time, ...others] }) => {
    const row = document.createElement("tr");
    row.className = "new";
    row.append(cell(time), cell(code(name)), cell(verdict(word)), ...others.map(cell));
    body.prepend(row);
    while (body.rows.length > MOST) body.deleteRow(-1);
  };
  // A screen reader says whatever changes in `said`: how many wait changes all the time, and stands on the button.
  const tell = (state) => {
    const late = missed ? ` ${missed} came too fast and are not shown.` : "";
    if (said.textContent !== state + late) said.textContent = state + late;
    pause.textContent = paused ? `Go on (${waiting.length} wait)` : "Pause";
  };

  const tellNow = () => tell(paused ? "Paused." : "Live.");

  const query = new URLSearchParams(location.search);
  query.set("after", decodeURIComponent(body.dataset.after));
  const events = new EventSource("/events?" + query);
  events.addEventListener("open", tellNow);
  // Where the answer was no, as to somebody who may not look any more, a browser does not ask again.
  events.addEventListener("error", () =>
    tell(events.readyState === EventSource.CLOSED ? "Not connected; load the page again." : "Not connected; trying again."));
  events.addEventListener("decision", (event) => {
    const decision = JSON.parse(event.data);
    if (!paused) add(decision);
    else if (waiting.push(decision) > WAITING) { waiting.shift(); missed += 1; }
    tellNow();
  });
  events.addEventListener("skipped", (event) => { missed += Number(event.data); tellNow(); });
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    if (!paused) { waiting.forEach(add); waiting = []; }
    tellNow();
  });
})();
