// Runs before the page is drawn: the reader's choice of light or dark, so that nothing flashes.
(function () {
  let choice = null;
  try { choice = localStorage.getItem("headlight-theme"); } catch (e) { /* storage may be closed */ }
  const dark = choice ? choice === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.add(dark ? "dark-mode" : "light-mode");
})();
