// What every page of the site does: formulas, light and dark, search over the full text, copy buttons.
(function () {
  "use strict";
  const root = document.currentScript.dataset.root || "";

  function formulas() {
    if (typeof renderMathInElement !== "function") return;
    renderMathInElement(document.body, {
      delimiters: [
        { left: "\\[", right: "\\]", display: true },
        { left: "\\(", right: "\\)", display: false },
        { left: "\\begin{align*}", right: "\\end{align*}", display: true },
        { left: "\\begin{align}", right: "\\end{align}", display: true },
      ],
      ignoredTags: ["script", "noscript", "style", "textarea", "pre", "code", "option"],
      strict: "error",
      throwOnError: false,
      errorColor: "#c00000",
    });
  }

  // ---- light and dark
  function themeButton() {
    const button = document.createElement("button");
    button.id = "theme-toggle";
    button.type = "button";
    const html = document.documentElement;
    const say = () => {
      const dark = html.classList.contains("dark-mode");
      button.textContent = dark ? "☀" : "☾";
      button.setAttribute("aria-label", dark ? "Switch to light colours" : "Switch to dark colours");
      button.title = button.getAttribute("aria-label");
    };
    let screen = html.className; // paper is light, whatever the screen is
    addEventListener("beforeprint", () => { screen = html.className; html.className = "light-mode"; });
    addEventListener("afterprint", () => { html.className = screen; });
    button.addEventListener("click", () => {
      const dark = !html.classList.contains("dark-mode");
      html.classList.toggle("dark-mode", dark);
      html.classList.toggle("light-mode", !dark);
      try { localStorage.setItem("headlight-theme", dark ? "dark" : "light"); } catch (e) { /* closed */ }
      say();
    });
    say();
    return button;
  }

  // ---- search: every word of the query must begin a word of the entry
  const letter = /[\p{L}\p{N}]/u;
  function startsWord(text, at) {
    return at === 0 || !letter.test(text[at - 1]);
  }
  function count(text, word) {
    let found = 0;
    for (let at = text.indexOf(word); at >= 0 && found < 5; at = text.indexOf(word, at + 1))
      if (startsWord(text, at)) found++;
    return found;
  }
  function find(query) {
    const words = query.toLowerCase().split(/\s+/).filter((w) => w.length > 0);
    if (words.length === 0) return [];
    const hits = [];
    for (const entry of window.headlightIndex || []) {
      if (!entry.low) {
        entry.low = { title: entry.t.toLowerCase(), page: entry.p.toLowerCase(), text: entry.x.toLowerCase() };
      }
      let score = 0;
      for (const word of words) {
        const inTitle = count(entry.low.title, word);
        const inPage = count(entry.low.page, word);
        const inText = count(entry.low.text, word);
        if (inTitle + inPage + inText === 0) { score = 0; break; }
        score += 12 * Math.min(inTitle, 2) + 3 * Math.min(inPage, 1) + inText;
        if (entry.low.title === word || entry.low.title === word + "()") score += 30;
      }
      if (score > 0) hits.push({ entry, score: score + entry.w });
    }
    hits.sort((a, b) => b.score - a.score || (a.entry.u < b.entry.u ? -1 : 1));
    return hits.slice(0, 40).map((h) => h.entry);
  }
  function excerpt(entry, query) {
    const words = query.toLowerCase().split(/\s+/).filter((w) => w.length > 0);
    let at = -1;
    for (const word of words) {
      for (let p = entry.low.text.indexOf(word); p >= 0; p = entry.low.text.indexOf(word, p + 1))
        if (startsWord(entry.low.text, p)) { at = p; break; }
      if (at >= 0) break;
    }
    const from = Math.max(0, at - 60);
    const cut = entry.x.slice(from, from + 160);
    return (from > 0 ? "…" : "") + cut + (from + 160 < entry.x.length ? "…" : "");
  }

  function searchBox() {
    const box = document.createElement("div");
    box.id = "site-search";
    box.setAttribute("role", "search");
    box.innerHTML =
      '<input id="site-search-input" type="search" role="combobox" autocomplete="off" spellcheck="false" ' +
      'placeholder="Search  ( / )" aria-label="Search the whole site" aria-autocomplete="list" ' +
      'aria-expanded="false" aria-controls="site-search-results"/>' +
      '<div id="site-search-results" role="listbox" aria-label="Search results" hidden="hidden"></div>';
    const input = box.querySelector("input");
    const list = box.querySelector("#site-search-results");
    let chosen = -1;
    let loading = false;

    function load(then) {
      if (window.headlightIndex) return then();
      if (loading) return;
      loading = true;
      const script = document.createElement("script");
      script.src = root + "search_index.js";
      script.onload = () => { loading = false; show(); };
      document.head.appendChild(script);
    }
    function close() {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
      chosen = -1;
    }
    function choose(next) {
      const options = list.querySelectorAll('[role="option"]');
      if (options.length === 0) return;
      if (chosen >= 0 && options[chosen]) options[chosen].setAttribute("aria-selected", "false");
      chosen = (next + options.length) % options.length;
      options[chosen].setAttribute("aria-selected", "true");
      options[chosen].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", options[chosen].id);
    }
    function show() {
      const query = input.value.trim();
      if (query.length === 0) return close();
      const found = find(query);
      list.textContent = "";
      chosen = -1;
      if (found.length === 0) {
        const none = document.createElement("div");
        none.className = "none";
        none.setAttribute("role", "option");
        none.setAttribute("aria-selected", "false");
        none.id = "site-search-none";
        none.textContent = "Nothing holds all these words.";
        list.appendChild(none);
      }
      found.forEach((entry, i) => {
        const option = document.createElement("div");
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.id = "site-search-" + i;
        option.dataset.url = root + entry.u;
        const title = document.createElement("strong");
        title.textContent = entry.t;
        const page = document.createElement("span");
        page.className = "page";
        page.textContent = entry.t === entry.p ? "" : entry.p;
        const text = document.createElement("span");
        text.className = "text";
        text.textContent = excerpt(entry, query);
        option.append(title, page, text);
        option.addEventListener("mousedown", (event) => { event.preventDefault(); go(option); });
        list.appendChild(option);
      });
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
    }
    function go(option) {
      if (option && option.dataset.url) { close(); location.href = option.dataset.url; }
    }
    input.addEventListener("focus", () => load(show));
    input.addEventListener("input", () => load(show));
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); choose(chosen + 1); }
      else if (event.key === "ArrowUp") { event.preventDefault(); choose(chosen - 1); }
      else if (event.key === "Escape") { input.value = ""; close(); input.blur(); }
      else if (event.key === "Enter") {
        event.preventDefault();
        go(list.querySelectorAll('[role="option"]')[Math.max(chosen, 0)]);
      }
    });
    document.addEventListener("keydown", (event) => {
      const typing = /^(input|textarea|select)$/i.test(event.target.tagName);
      if (event.key === "/" && !typing) { event.preventDefault(); input.focus(); }
    });
    return box;
  }

  function wide() {
    // Tables and blocks of output may be wider than a phone: they scroll by themselves and take the keyboard.
    for (const block of document.querySelectorAll("div.fragment, pre.output, pre.fragment, div.table-scroll, div.memproto, div.picture")) {
      if (block.scrollWidth > block.clientWidth + 1) block.tabIndex = 0;
    }
  }

  function repair() {
    // What Doxygen's own pages leave out for a reader who does not see them.
    for (const image of document.querySelectorAll("img:not([alt])")) image.alt = "";
    for (const link of document.querySelectorAll("table.directory a")) {
      if (link.textContent.trim() === "" && !link.getAttribute("aria-label"))
        link.setAttribute("aria-label", "Source of " + link.parentElement.textContent.trim());
    }
    const main = document.getElementById("doc-content") || document.querySelector("div.contents");
    if (main) main.setAttribute("role", "main");
    const tree = document.getElementById("side-nav");
    if (tree) { tree.setAttribute("role", "navigation"); tree.setAttribute("aria-label", "Pages of the site"); }
    const top = document.getElementById("titlearea");
    if (top) top.setAttribute("role", "banner");
  }

  function start() {
    const place = document.getElementById("site-tools");
    if (place) place.append(searchBox(), themeButton());
    formulas();
    repair();
    wide();
    addEventListener("resize", wide);
    // Doxygen measured the height of the header before search and button stood in it.
    setTimeout(() => dispatchEvent(new Event("resize")), 0);
    if (typeof DoxygenAwesomeFragmentCopyButton !== "undefined") DoxygenAwesomeFragmentCopyButton.init();
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
