// Brings the list of tasks up to date every few seconds, while it can be seen.
"use strict";
(() => {
  const seconds = Number(document.querySelector("[data-refresh]").dataset.refresh);
  setInterval(async () => {
    const list = document.querySelector("[data-refresh]");
    if (document.hidden || list.contains(document.activeElement)) return;
    try {
      const answer = await fetch(location.href);
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-refresh]");
      if (fresh) list.replaceWith(fresh);
    } catch {
      // The server is away; what is shown stays until it is back.
    }
  }, seconds * 1000);
})();
