// Keyboard: "g o" and friends come from the menu's data-keys; n, /, ?, j, k, Enter, Esc.
const WAIT = 900; // milliseconds between the two keys of a pair
let first = "";
let timer = 0;

const typing = (target) => target.closest("input, textarea, select, [contenteditable], dialog[open]");

function pair(key) {
  const keys = `${first} ${key}`;
  first = "";
  document.querySelector(`a[data-keys="${keys}"]`)?.click();
}

function move(step) {
  const rows = [...document.querySelectorAll(".list tbody tr")].filter((row) => row.querySelector("a"));
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("at"));
  const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
  rows.forEach((row) => row.classList.toggle("at", row === next));
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("a").focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.key === "Escape") {
    document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
    document.getElementById("found")?.replaceChildren();
    if (target.matches("input, textarea, select")) {
      event.preventDefault(); // a search field would forget what was typed
      target.blur();
    }
    if (location.hash === "#menu") location.hash = "";
    return;
  }
  if (typing(target)) return;
  if (first) {
    clearTimeout(timer);
    pair(event.key);
    event.preventDefault();
    return;
  }
  const actions = {
    g: () => { first = "g"; timer = setTimeout(() => { first = ""; }, WAIT); },
    n: () => { const to = document.querySelector("main")?.dataset.new; if (to) location.assign(to); },
    j: () => move(1),
    k: () => move(-1),
    "/": () => (document.querySelector("[data-slash]") || document.getElementById("everywhere"))?.focus(),
    "?": () => document.getElementById("help")?.showModal(),
  };
  if (actions[event.key]) {
    event.preventDefault();
    actions[event.key]();
  }
});
