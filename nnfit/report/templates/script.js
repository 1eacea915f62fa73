"use strict";
(() => {
  const percent = (part, whole) => (whole > 0 ? (100 * part / whole).toFixed(1) + " %" : "–");
  for (const box of document.querySelectorAll("[data-slider]")) {
    const found = JSON.parse(box.querySelector("script").textContent);
    const input = box.querySelector("input"), shown = box.querySelector("output");
    const put = (key, text) => { box.querySelector(`[data-value="${key}"]`).textContent = text; };
    const update = () => {
      const tp = found.tp[input.value], fp = found.fp[input.value];
      const fn = found.positives - tp, tn = found.negatives - fp, all = found.positives + found.negatives;
      shown.textContent = (input.value / 100).toFixed(2);
      for (const [key, value] of Object.entries({ tp, fp, fn, tn })) put(key, (+value.toPrecision(6)).toLocaleString("en"));
      put("accuracy", percent(tp + tn, all));
      put("precision", percent(tp, tp + fp));
      put("recall", percent(tp, tp + fn));
      put("specificity", percent(tn, tn + fp));
      put("f1", percent(2 * tp, 2 * tp + fp + fn));
    };
    input.addEventListener("input", update);
    update();
    box.classList.add("ready");
  }
  const number = (text) => {
    const value = parseFloat(text.replace(/,/g, "").replace("−", "-"));
    return Number.isNaN(value) ? null : value;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") === "descending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows].map((row) => [row, row.cells[column].textContent]);
        const numeric = rows.every(([, text]) => text === "" || number(text) !== null);
        rows.sort(([, a], [, b]) => (numeric ? (number(a) ?? -Infinity) - (number(b) ?? -Infinity) : a.localeCompare(b)) * (up ? 1 : -1));
        table.tBodies[0].append(...rows.map(([row]) => row));
      });
    });
  }
  addEventListener("beforeprint", () => document.querySelectorAll("#making details").forEach((each) => { each.open = true; }));
})();
