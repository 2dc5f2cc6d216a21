// Keys for the review queue. Without this script every page still works by mouse, tab and form.
"use strict";

const byId = (id) => document.getElementById(id);
const links = () => [...document.querySelectorAll("a.open")];
const entry = () => document.activeElement.closest(".item, .cause");
const help = byId("help");
const said = byId("said");

function move(step) {
  const all = links();
  if (!all.length) return;
  const row = entry();
  const at = row ? all.indexOf(row.querySelector("a.open")) : -1;
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
  all[next].focus({ preventScroll: true });
  entry().scrollIntoView({ block: "nearest" });
}

function press(...ids) {
  const found = ids.map(byId).find((element) => element && !element.disabled);
  if (found) found.click();
}

function claim() {
  const row = entry();
  const button = row && row.querySelector("button");
  if (button) button.click();
  else press("claim", "release");
}

function go(...ids) {
  const element = ids.map(byId).find(Boolean);
  if (element) element.focus();
}

function showHelp() {
  if (!help.open) help.showModal();
}

const keys = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  n: () => press("next"),
  c: claim,
  a: () => press("do-accept", "do-confirm"),
  o: () => go("branch", "do-close"),
  d: () => go("dismiss-reason", "do-decline"),
  m: () => go("note"),
  h: () => press("extend"),
  q: () => press("back"),
  "?": showHelp,
};

// Who dictates, or touches letters by chance, can do without them; the browser remembers.
const letters = byId("letters");
function useLetters(on) {
  letters.checked = on;
  document.documentElement.classList.toggle("no-letters", !on);
}
useLetters(localStorage.getItem("letters") !== "off");
letters.addEventListener("change", () => {
  localStorage.setItem("letters", letters.checked ? "on" : "off");
  useLetters(letters.checked);
});

const REPEATED = ["j", "k", "ArrowDown", "ArrowUp"];

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input, textarea, select");
  if (field && event.key === "Escape") field.blur();
  if (field || event.target.closest("dialog") || event.ctrlKey || event.metaKey || event.altKey || event.repeat && !REPEATED.includes(event.key)) return;
  const act = event.key.length > 1 || letters.checked ? keys[event.key] : undefined;
  const scrolls = event.key.startsWith("Arrow") && !links().length;
  if (!act || scrolls) return;
  event.preventDefault();
  act();
});

const openHelp = byId("open-help");
openHelp.hidden = false;
openHelp.addEventListener("click", showHelp);

// An answer that lacks its reason is not sent: the field that lacks is shown instead. A second press sends nothing.
let isSent = false;
document.addEventListener("submit", (event) => {
  const needs = event.submitter?.dataset.needs?.split(" ") ?? [];
  const empty = needs.map(byId).find((field) => !field.value);
  if (empty) {
    event.preventDefault();
    said.textContent = "Choose one first.";
    empty.setAttribute("aria-invalid", "true");
    empty.focus();
  } else if (event.target.method === "post") {
    if (isSent) event.preventDefault();
    isSent = true;
  }
});
window.addEventListener("pageshow", () => { isSent = false; });
document.addEventListener("change", (event) => event.target.removeAttribute("aria-invalid"));

// Refreshing: not while nobody looks; said aloud when more waits; marked when the service does not answer.
let open = Number(byId("queue")?.dataset.open);
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden || isSent) event.preventDefault();
});
document.addEventListener("htmx:afterSwap", () => {
  const queue = byId("queue");
  if (queue) {
    const now = Number(queue.dataset.open);
    if (now > open) said.textContent = now - open === 1 ? "One more item to take." : `${now - open} more items to take.`;
    open = now;
    document.title = document.title.replace(/^\d+/, now);
  } else {
    const hold = byId("hold");
    if (hold && !("held" in hold.dataset)) said.textContent = `You do not hold this item any more. ${hold.textContent}`;
  }
});
for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(failure, () => {
    const fresh = byId("fresh");
    if (fresh && !fresh.classList.contains("warn")) {
      fresh.classList.add("warn");
      fresh.textContent += " – the service does not answer";
    }
  });
}

const message = byId("message");
if (message) message.focus();
