// Keys that lead to pages and windows; `?` lists them. They are off while something is typed.
"use strict";
(() => {
  const PAGES = { d: "dashboard", p: "portfolio", c: "control", a: "analytics", s: "assets" };
  const LINKS = { "[": "a[rel=prev]", "]": "a[rel=next]", t: "a[data-newest]" };
  const PATIENCE_MS = 1500;
  const help = document.querySelector("#keys");
  let waiting = 0; // until when a letter after `g` counts

  function follow(selector) {
    const link = document.querySelector(selector);
    link?.click();
    return link !== null;
  }

  function act(key) {
    if (Date.now() < waiting) {
      waiting = 0;
      return key in PAGES && follow(`header a[data-page=${PAGES[key]}]`);
    }
    if (key === "g") {
      waiting = Date.now() + PATIENCE_MS;
      return true;
    }
    if (key === "/") {
      const search = document.querySelector("input[type=search]");
      search?.focus();
      return search !== null || follow("header a[data-page=assets]");
    }
    if (key === "?") {
      help.showModal();
      return true;
    }
    return key in LINKS && follow(LINKS[key]);
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    if (typing || help?.open || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (act(event.key)) event.preventDefault();
  });
})();
