// A search field with a list below it (the ARIA combobox pattern). Options come as HTML from the server.
let lists = 0;

export function startCombo(combo, chosen) {
  const input = combo.querySelector("[role=combobox]");
  const value = combo.querySelector("[data-value]");
  const list = combo.querySelector("[role=listbox]");
  let timer = 0;
  let turn = 0;
  let at = -1;
  let waiting = false; // typed, and the list does not show it yet
  let hurried = false; // Enter came before the list did
  lists += 1;
  list.id = `options-${lists}`;
  input.setAttribute("aria-controls", list.id);

  const options = () => [...list.querySelectorAll("[role=option]")];
  const close = () => { list.replaceChildren(); at = -1; turn += 1; waiting = hurried = false; clearTimeout(timer); input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const mark = (n) => {
    const all = options();
    if (!all.length) return;
    at = (n + all.length) % all.length;
    all.forEach((one, i) => { one.classList.toggle("on", i === at); one.setAttribute("aria-selected", String(i === at)); });
    input.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  };
  const choose = (option) => {
    value.value = option.dataset.id;
    input.value = option.dataset.text;
    input.removeAttribute("aria-invalid");
    close();
    chosen(option);
  };
  const ask = async () => {
    const mine = (turn += 1);
    const found = await fetch(`${combo.dataset.combo}?q=${encodeURIComponent(input.value)}`, { headers: { "HX-Request": "true" } })
      .then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
    if (mine !== turn || document.activeElement !== input) return; // more was typed before the whole answer had come
    if (found === null) {
      if (waiting) timer = setTimeout(ask, 1000); // a person who has pressed Enter already waits for it
      return;
    }
    list.innerHTML = found;
    waiting = false;
    options().forEach((one, n) => { one.id = `${list.id}-${n}`; });
    input.setAttribute("aria-expanded", "true");
    mark(0);
    if (hurried && options()[0]) choose(options()[0]);
    hurried = false;
  };

  input.addEventListener("input", () => { value.value = ""; waiting = true; turn += 1; clearTimeout(timer); timer = setTimeout(ask, 140); });
  input.addEventListener("focus", () => { if (!value.value && !input.matches("[autofocus]")) ask(); });
  input.addEventListener("blur", () => setTimeout(close, 150));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); if (options().length) mark(at + 1); else ask(); }
    if (event.key === "ArrowUp") { event.preventDefault(); mark(at - 1); }
    if (event.key === "Escape") { event.stopPropagation(); close(); }
    if (waiting && event.key === "Enter") { event.preventDefault(); event.stopPropagation(); hurried = true; return; }
    if (event.key === "Tab" && !waiting && at >= 0 && options()[at] && !value.value && input.value) choose(options()[at]);
    if (event.key === "Enter" && options()[at]) { event.preventDefault(); event.stopPropagation(); choose(options()[at]); }
  });
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) { event.preventDefault(); choose(option); }
  });
}
