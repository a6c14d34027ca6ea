// Progressive enhancement only: every page also works without JavaScript, by links and forms.
"use strict";

const LIVE_BLOCK = { "X-Part": "live" };

function enableCopyButtons(root) {
  for (const button of root.querySelectorAll("[data-what]")) {
    button.hidden = false;
    button.addEventListener("click", () => copyOf(button));
  }
}

// Copy, and tell a screen reader: only sighted people see that the button's text changes.
async function copyOf(button) {
  const label = button.firstChild;
  const before = label.data;
  let word = "Copied";
  try {
    await writeToClipboard(await textToCopy(button));
  } catch {
    word = "Not copied";
  }
  label.data = word;
  document.getElementById("announced").textContent = `${word}: ${button.dataset.what}`;
  setTimeout(() => (label.data = before), 2000);
}

async function textToCopy({ dataset }) {
  if (dataset.copy) return document.getElementById(dataset.copy).value;
  if (dataset.copyJson) return JSON.parse(dataset.copyJson);
  const response = await fetch(dataset.copyFrom, { cache: "no-store" });
  if (!response.ok || response.redirected) throw new Error(response.status);
  return response.text();
}

async function writeToClipboard(text) {
  try {
    return await navigator.clipboard.writeText(text);
  } catch {
    // browsers offer no clipboard API without TLS
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden";
  field.readOnly = true;
  document.body.append(field);
  const focused = document.activeElement;
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  if (!copied) throw new Error("the browser refused");
}

// Show times in the reader's zone. The title keeps UTC, which the log, the API and commands use; a
// form goes on sending UTC.
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

function localText(moment) {
  const two = (number) => String(number).padStart(2, "0");
  const day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join("-");
  return `${day} ${[moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":")}`;
}

function showLocalTimes(root) {
  if (ZONE === "UTC") return;
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (isNaN(moment)) continue;
    time.title = `${time.textContent} UTC`;
    time.textContent = localText(moment);
    const after = time.nextSibling;
    if (after && after.nodeType === Node.TEXT_NODE) after.data = after.data.replace(/^ UTC/, "");
  }
  for (const heading of root.querySelectorAll("th, label")) {
    for (const node of heading.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) node.data = node.data.replace(" (UTC)", "");
    }
  }
  for (const cell of root.querySelectorAll("[data-label]")) cell.dataset.label = cell.dataset.label.replace(" (UTC)", "");
}

// Where clocks change, a time occurs twice or never: a range begins at the first moment that may be
// meant, and ends at the last one.
function utcText(input) {
  const asUtc = Date.parse(`${input.value}Z`);
  const moments = [-1, 1].map((days) => {
    const near = new Date(asUtc + days * 86_400_000);
    return new Date(asUtc + near.getTimezoneOffset() * 60_000);
  });
  const text = input.value.replace("T", " ");
  const fitting = moments.filter((moment) => localText(moment).startsWith(text));
  const choose = input.name === "until" ? Math.max : Math.min;
  return new Date(choose(...(fitting.length ? fitting : moments))).toISOString().slice(0, 16);
}

function enterLocalTimes(root) {
  if (ZONE === "UTC") return;
  for (const input of root.querySelectorAll("input[type=datetime-local]")) {
    const sent = input.value;
    if (sent) input.value = localText(new Date(`${sent}Z`)).slice(0, 16).replace(" ", "T");
    const shown = input.value;
    input.form.addEventListener("formdata", ({ formData }) => {
      if (input.value) formData.set(input.name, input.value === shown ? sent : utcText(input));
    });
  }
  for (const zone of root.querySelectorAll("[data-zone]")) zone.textContent = `Times are in ${ZONE}.`;
}

function startCountdowns(root) {
  const buttons = root.querySelectorAll("[data-after-countdown]");
  for (const counter of root.querySelectorAll("[data-countdown]")) {
    const end = Date.now() + 1000 * Number(counter.dataset.countdown);
    for (const button of buttons) button.disabled = true;
    const tick = () => {
      const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      counter.textContent = String(seconds);
      if (seconds) return setTimeout(tick, 250);
      for (const button of buttons) button.disabled = false;
      counter.closest(".notice").textContent = "You can try again now.";
    };
    tick();
  }
}

function enableSelectAll(root) {
  for (const all of root.querySelectorAll("[data-pick-all]")) {
    all.closest("label").hidden = false;
    all.addEventListener("change", () => {
      for (const box of root.querySelectorAll("[data-pick]")) box.checked = all.checked;
    });
  }
}

// Refresh the region every `data-live` seconds. The refresh pauses while the focus or a selection
// is inside, the tab is hidden or the user paused it: rows must not move under the pointer.
function startLiveRefresh(region) {
  const seconds = Number(region.dataset.live);
  if (!seconds) return;
  const note = document.createElement("p");
  note.className = "live-note";
  const state = document.createElement("span");
  const pause = document.createElement("button");
  pause.type = "button";
  pause.className = "quiet";
  note.append(state, pause);
  region.before(note);
  let paused = false;
  let finished = false;
  const showState = () => {
    pause.textContent = paused ? "Resume updates" : "Pause updates";
    state.textContent = finished ? "" : paused ? "Updates paused" : inUse() ? "Updates paused while you use the list" : "Live";
    note.hidden = finished;
  };
  const inUse = () => {
    const selection = document.getSelection();
    const selected = selection && !selection.isCollapsed && region.contains(selection.anchorNode);
    return region.contains(document.activeElement) || selected;
  };
  pause.addEventListener("click", () => {
    paused = !paused;
    showState();
  });
  region.addEventListener("focusin", showState);
  region.addEventListener("focusout", () => setTimeout(showState, 0));
  const refresh = async () => {
    if (paused || document.hidden || inUse()) return;
    const response = await fetch(region.dataset.from || location.href, { headers: LIVE_BLOCK, cache: "no-store" });
    if (response.redirected) return location.reload();
    if (!response.ok) throw new Error(response.status);
    const html = await response.text();
    if (!inUse()) finished = replaceContent(region, html);
  };
  const repeat = async () => {
    try {
      await refresh();
      showState();
    } catch {
      state.textContent = "Connection lost; retrying";
    }
    if (!finished) setTimeout(repeat, 1000 * seconds);
  };
  document.addEventListener("visibilitychange", () => document.hidden || finished || refresh().catch(() => {}));
  showState();
  setTimeout(repeat, 1000 * seconds);
}

// Return true if the new content is final (it contains `data-ended`).
function replaceContent(region, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  const open = new Set([...region.querySelectorAll("details[open][data-keep]")].map((each) => each.dataset.keep));
  const known = new Set([...region.querySelectorAll("[data-row]")].map((each) => each.dataset.row));
  for (const each of fresh.querySelectorAll("details[data-keep]")) each.open = open.has(each.dataset.keep);
  for (const row of fresh.querySelectorAll("[data-row]")) if (!known.has(row.dataset.row)) row.classList.add("fresh");
  showLocalTimes(fresh);
  enableCopyButtons(fresh);
  region.replaceChildren(...fresh.childNodes);
  return region.querySelector("[data-ended]") !== null;
}

// Submit the form with `data-go-on` batch by batch until the response has none, or the user leaves.
// After an error the form stays on the page with its button, so that no dead letter is skipped
// and the user decides when to continue.
async function continueReplay(region) {
  for (;;) {
    const form = region.querySelector("form[data-go-on]");
    if (!form) return;
    const body = new URLSearchParams(new FormData(form));
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const response = await fetch(form.action, { method: "POST", headers: LIVE_BLOCK, body });
      if (response.redirected) return location.assign("/dead");
      if (!response.ok) throw new Error(response.status);
      replaceContent(region, await response.text());
    } catch {
      form.closest("section").querySelector("[data-no-answer]").hidden = false;
      button.disabled = false;
      return;
    }
  }
}

// A double click or a held Enter key sends a form once. A page that comes back from the browser's
// memory can send its forms again, and so can one whose request was stopped, after a while.
function sendOnce() {
  let sent = new WeakSet();
  addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (sent.has(form)) return event.preventDefault();
    sent.add(form);
    setTimeout(() => sent.delete(form), 10_000);
  });
  addEventListener("pageshow", () => (sent = new WeakSet()));
}

sendOnce();
showLocalTimes(document);
enterLocalTimes(document);
enableCopyButtons(document);
startCountdowns(document);
enableSelectAll(document);
for (const region of document.querySelectorAll("[data-live]")) startLiveRefresh(region);
for (const form of document.querySelectorAll("form[data-go-on]")) continueReplay(form.closest("#live"));
