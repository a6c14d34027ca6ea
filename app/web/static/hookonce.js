// What only a browser can add: everything here works without it too, by links and forms.
"use strict";

const PART = { "X-Part": "live" };

function copying(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const field = document.getElementById(button.dataset.copy);
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        document.execCommand("copy"); // without TLS a browser has no clipboard to write to
      }
      button.textContent = "Copied";
    });
  }
}

function counting(root) {
  const buttons = root.querySelectorAll("[data-after-countdown]");
  for (const shown of root.querySelectorAll("[data-countdown]")) {
    const end = Date.now() + 1000 * Number(shown.dataset.countdown);
    for (const button of buttons) button.disabled = true;
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      shown.textContent = String(left);
      if (left) return setTimeout(tick, 250);
      for (const button of buttons) button.disabled = false;
      shown.closest(".notice").textContent = "You can try again now.";
    };
    tick();
  }
}

function picking(root) {
  for (const all of root.querySelectorAll("[data-pick-all]")) {
    all.closest("label").hidden = false;
    all.addEventListener("change", () => {
      for (const box of root.querySelectorAll("[data-pick]")) box.checked = all.checked;
    });
  }
}

// A list that moves under one's hands helps nobody: while the focus or a selection is inside, or
// the tab is hidden, or somebody paused it, it stands still.
function living(region) {
  const seconds = Number(region.dataset.live);
  if (!seconds) return;
  const note = document.createElement("p");
  note.className = "live-note";
  const said = document.createElement("span");
  const pause = document.createElement("button");
  pause.type = "button";
  pause.className = "quiet";
  note.append(said, pause);
  region.before(note);
  let paused = false;
  let ended = false;
  const say = () => {
    pause.textContent = paused ? "Go on" : "Pause";
    said.textContent = ended ? "" : paused ? "Paused" : busy() ? "Waits while you are in the list" : "Live";
    note.hidden = ended;
  };
  const busy = () => {
    const selection = document.getSelection();
    const selected = selection && !selection.isCollapsed && region.contains(selection.anchorNode);
    return region.contains(document.activeElement) || selected;
  };
  pause.addEventListener("click", () => {
    paused = !paused;
    say();
  });
  region.addEventListener("focusin", say);
  region.addEventListener("focusout", () => setTimeout(say, 0));
  const refresh = async () => {
    if (paused || document.hidden || busy()) return;
    const answer = await fetch(location.href, { headers: PART, cache: "no-store" });
    if (answer.redirected) return location.reload();
    if (!answer.ok) throw new Error(answer.status);
    const text = await answer.text();
    if (!busy()) ended = replace(region, text);
  };
  const again = async () => {
    try {
      await refresh();
      say();
    } catch {
      said.textContent = "No answer; trying again";
    }
    if (!ended) setTimeout(again, 1000 * seconds);
  };
  document.addEventListener("visibilitychange", () => document.hidden || ended || refresh().catch(() => {}));
  say();
  setTimeout(again, 1000 * seconds);
}

// True once there is nothing left to wait for.
function replace(region, text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  const open = new Set([...region.querySelectorAll("details[open][data-keep]")].map((each) => each.dataset.keep));
  const known = new Set([...region.querySelectorAll("[data-row]")].map((each) => each.dataset.row));
  for (const each of fresh.querySelectorAll("details[data-keep]")) each.open = open.has(each.dataset.keep);
  for (const row of fresh.querySelectorAll("[data-row]")) if (!known.has(row.dataset.row)) row.classList.add("fresh");
  region.replaceChildren(...fresh.childNodes);
  return region.querySelector("[data-ended]") !== null;
}

// Sends the form that goes on until none is left, unless somebody stops it. What cannot be sent
// stays where it is, with its button: nothing is lost, and a person decides when to go on.
async function goingOn(region) {
  for (;;) {
    const form = region.querySelector("form[data-go-on]");
    if (!form) return;
    const body = new URLSearchParams(new FormData(form));
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: PART, body });
      if (answer.redirected) return location.assign("/dead");
      if (!answer.ok) throw new Error(answer.status);
      replace(region, await answer.text());
    } catch {
      form.closest("section").querySelector("[data-no-answer]").hidden = false;
      button.disabled = false;
      return;
    }
  }
}

copying(document);
counting(document);
picking(document);
for (const region of document.querySelectorAll("[data-live]")) living(region);
for (const form of document.querySelectorAll("form[data-go-on]")) goingOn(form.closest("#live"));
