// The line editor: rows that come and go, product search by keyboard, totals from the server.
import { startCombo } from "./combo.js";

function follow(form, row) {
  const fields = [...row.querySelectorAll("input:not([type=hidden]), select")];
  row.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.defaultPrevented || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = fields[fields.indexOf(event.target) + 1];
    if (next) { next.focus(); next.select?.(); return; }
    const following = row.nextElementSibling || addRow(form);
    following.querySelector("input:not([type=hidden]), select").focus();
  });
}

function prepare(form, row) {
  row.querySelectorAll("[data-combo]").forEach((combo) => startCombo(combo, (option) => {
    const price = row.querySelector("[name=unit_price], [name=unit_cost]");
    if (price && option.dataset.price && price.name === "unit_price") price.value = option.dataset.price;
    const quantity = row.querySelector("[name=quantity]");
    if (quantity) { if (!quantity.value && price?.name === "unit_price") quantity.value = "1"; quantity.focus(); quantity.select(); }
    form.dispatchEvent(new Event("recount"));
  }));
  const drop = row.querySelector("[data-drop]");
  if (drop) {
    drop.hidden = false;
    drop.addEventListener("click", () => {
      const rows = form.querySelectorAll("[data-line]");
      if (rows.length > 1) row.remove();
      else row.querySelectorAll("input").forEach((input) => { input.value = ""; });
      form.dispatchEvent(new Event("recount"));
    });
  }
  follow(form, row);
}

let made = 0;
function addRow(form) {
  const blank = form.querySelector("[data-blank]").content.querySelector("[data-line]").cloneNode(true);
  made += 1;
  blank.querySelectorAll("[id]").forEach((one) => { one.id = `${one.id}-${made}`; });
  blank.querySelectorAll("label[for]").forEach((one) => { one.htmlFor = `${one.htmlFor}-${made}`; });
  form.querySelector("table.editor tbody").append(blank);
  prepare(form, blank);
  return blank;
}

function startTotals(form) {
  let timer = 0;
  let last = 0;
  const count = async () => {
    const turn = (last += 1);
    const answer = await fetch(form.dataset.totals, {
      method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "HX-Request": "true" },
    }).catch(() => null);
    if (!answer?.ok || turn !== last) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const sums = [...page.querySelectorAll("li")].map((one) => one.textContent);
    form.querySelectorAll("[data-total]").forEach((cell, n) => { cell.textContent = sums[n] || ""; });
    form.querySelector("[data-grand]").textContent = page.querySelector("strong")?.textContent || "";
  };
  const soon = () => { clearTimeout(timer); timer = setTimeout(count, 180); };
  form.addEventListener("input", (event) => { if (event.target.name !== "product") soon(); });
  form.addEventListener("recount", soon);
  if (form.querySelector("[name=product_id][value]:not([value=''])")) count();
}

export function startEditors(within) {
  within.querySelectorAll("form[data-editor]").forEach((form) => {
    form.querySelectorAll(":scope > section > [data-combo]").forEach((combo) => startCombo(combo, () => {
      form.querySelector("[data-line] input:not([type=hidden])")?.focus();
    }));
    form.querySelectorAll("[data-line]").forEach((row) => prepare(form, row));
    form.querySelector("[data-add]")?.addEventListener("click", (event) => {
      event.preventDefault();
      addRow(form).querySelector("input:not([type=hidden]), select").focus();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(form.querySelector("button.main"));
    });
    if (form.dataset.totals) startTotals(form);
  });
}
