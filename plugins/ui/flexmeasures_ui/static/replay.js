// The slider "as known at": asks for the charts as they were known at that moment, and tells it.
"use strict";
(() => {
  const slider = document.querySelector("[data-replay]");
  if (!slider) return;
  const told = document.querySelector("[data-replay-text]");
  const words = new Intl.DateTimeFormat(document.documentElement.lang, {
    timeZone: slider.dataset.zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
  });
  const texts = JSON.parse(document.body.dataset.texts ?? "{}");
  let waiting = 0;

  function show() {
    const now = slider.value === slider.max;
    const moment = new Date(1000 * Number(slider.value));
    document.querySelectorAll("[data-chart]").forEach((chart) => {
      const address = new URL(chart.dataset.chart, location.href);
      if (now) address.searchParams.delete("known_at");
      else address.searchParams.set("known_at", moment.toISOString());
      chart.dataset.chart = address.pathname + address.search;
      chart.dispatchEvent(new Event("chartchange", { bubbles: true }));
    });
  }

  slider.addEventListener("input", () => {
    told.textContent = slider.value === slider.max ? texts.now : words.format(new Date(1000 * Number(slider.value)));
    document.body.classList.toggle("replaying", slider.value !== slider.max);
    clearTimeout(waiting);
    waiting = setTimeout(show, 120);
  });
})();
