// Small comforts on top of pages that work without scripts.
import "./keys.js";
import { startEditors } from "./editor.js";

function reveal(within) {
  within.querySelectorAll("[data-open], [data-copy], [data-drop], [data-hint]").forEach((one) => { one.hidden = false; });
}

function notice(text) {
  const place = document.getElementById("notices");
  if (!place || place.querySelector("[data-lost]")) return;
  const box = document.createElement("div");
  box.className = "notice bad";
  box.setAttribute("role", "alert");
  box.dataset.lost = "";
  box.textContent = text;
  place.append(box);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sure && !window.confirm(form.dataset.sure)) {
    event.preventDefault();
    return;
  }
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault(); // a second click; the first is on its way
    return;
  }
  form.dataset.sent = "1";
  const button = event.submitter || form.querySelector("button:not([type=button])");
  if (button) {
    button.classList.add("busy");
    button.setAttribute("aria-busy", "true");
  }
});

window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelectorAll(".busy").forEach((button) => button.classList.remove("busy"));
  });
});

document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open)?.showModal();
  const copier = event.target.closest("[data-copy]");
  if (copier) {
    await navigator.clipboard.writeText(document.querySelector(copier.dataset.copy).textContent.trim());
    const before = copier.innerHTML;
    copier.textContent = copier.dataset.done;
    setTimeout(() => { copier.innerHTML = before; }, 1600);
  }
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  if (!event.target.closest(".top .find")) document.getElementById("found")?.replaceChildren();
});

// While a person has a menu open inside a part that refreshes itself, the part waits.
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  if (part.querySelector?.("details.menu[open]")) {
    event.preventDefault();
    setTimeout(() => window.htmx.trigger(part, "load"), 1000);
  }
});
document.addEventListener("htmx:afterSwap", (event) => {
  reveal(event.detail.target);
  document.querySelectorAll("[data-lost].notice").forEach((one) => one.remove());
});
function lost(event) {
  notice(document.body.dataset.lost);
  const part = event.detail.elt;
  if (part.getAttribute?.("hx-trigger")?.startsWith("load")) setTimeout(() => window.htmx.trigger(part, "load"), 3000);
}
document.addEventListener("htmx:sendError", lost);
document.addEventListener("htmx:responseError", lost);

reveal(document);
startEditors(document);
// The browser gives the first field the keys only once it has painted; whoever is quicker types into it all the same.
if (document.activeElement === document.body) document.querySelector("[autofocus]")?.focus();
document.documentElement.dataset.js = "ready";
