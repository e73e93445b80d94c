// Filters the table of claims by lesson, kind, verdict and words.
(function () {
  "use strict";
  const form = document.getElementById("claim-filter");
  if (!form) return;
  const rows = Array.from(document.querySelectorAll("tr.claim"));
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const count = document.getElementById("claim-count");
  function apply() {
    const want = { section: form.section.value, kind: form.kind.value, verdict: form.verdict.value };
    const words = form.words.value.toLowerCase().split(/\s+/).filter((w) => w.length > 0);
    let shown = 0;
    rows.forEach((row, i) => {
      const fits = ["section", "kind", "verdict"].every((key) => !want[key] || row.dataset[key] === want[key]) &&
                   words.every((word) => texts[i].includes(word));
      row.hidden = !fits;
      if (fits) shown++;
    });
    count.textContent = shown + (shown === 1 ? " claim" : " claims");
  }
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  const asked = new URLSearchParams(location.search);
  for (const key of ["section", "kind", "verdict", "words"]) if (asked.get(key)) form[key].value = asked.get(key);
  apply();
})();
