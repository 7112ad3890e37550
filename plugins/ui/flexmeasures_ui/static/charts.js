// Fetches a chart as a Bokeh JSON item, draws it, and paints it in the colours of the theme.
// No eval and no inline script: the site's Content-Security-Policy forbids both.
"use strict";
(() => {
  const SLOW_MS = 8000;
  const TEXTS = JSON.parse(document.body.dataset.texts ?? "{}");
  const LABEL_PX = 75;

  // Which properties take the colour of a model's tag.
  const PAINTED = {
    measured: ["line_color", "fill_color"],
    forecast: ["line_color", "fill_color"],
    schedule: ["line_color", "fill_color"],
    price: ["line_color", "fill_color"],
    muted: ["line_color"],
    "muted-text": ["text_color"],
    bad: ["line_color"],
    "bad-text": ["text_color"],
    grid: ["grid_line_color"],
    axis: ["axis_label_text_color", "major_label_text_color"],
    "axis-lines": ["axis_line_color", "major_tick_line_color"],
  };
  for (const type of ["solar", "wind", "battery", "one-way_evse", "two-way_evse", "building", "other"]) {
    PAINTED[`type-${type}`] = ["fill_color", "line_color"];
  }
  const VARIABLES = {
    "type-solar": "solar", "type-wind": "wind", "type-battery": "battery", "type-building": "muted", "type-other": "accent",
    "type-one-way_evse": "evse", "type-two-way_evse": "evse",
    measured: "text", "bad-text": "bad", "muted-text": "muted", axis: "muted", "axis-lines": "grid" };

  function colour(tag) {
    const name = `--${VARIABLES[tag] ?? tag}`;
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function paint(root) {
    for (const model of root.references()) {
      for (const tag of model.tags ?? []) {
        if (!(tag in PAINTED)) continue;
        const known = PAINTED[tag].filter((name) => name in model.properties);
        model.setv(Object.fromEntries(known.map((name) => [name, colour(tag)])));
      }
    }
  }

  // On narrow screens only so many labels stand beside each other without overlapping.
  function thin(root, width) {
    for (const model of root.references()) {
      if (model.type !== "FixedTicker") continue;
      const each = Math.ceil((model.ticks.length * LABEL_PX) / width);
      model.ticks = [...model.ticks].filter((_, k) => k % each === 0);
    }
  }

  // All charts of a page are about the same time: they move together and share a cursor. Where a chart comes to rest
  // the page is asked for that window, as its tables and the resolution of its values change with it.
  const REST_MS = 700;
  const QUARTER_MS = 15 * 60 * 1000;
  const SHORTEST_MS = 8 * QUARTER_MS;
  const linked = new Map();
  const fine = matchMedia("(pointer: fine)").matches;
  let following = false;
  let resting = 0;

  function tagged(root, tag) {
    return [...root.references()].filter((model) => model.tags?.includes(tag));
  }

  function link(element, root) {
    const [range] = tagged(root, "time");
    if (!range) return;
    linked.set(element, { range, cursors: tagged(root, "cursor"), lines: linesOf(element, root) });
    const moved = () => {
      if (following) return;
      following = true;
      for (const other of linked.values()) if (other.range !== range) other.range.setv({ start: range.start, end: range.end });
      following = false;
      clearTimeout(resting);
      resting = setTimeout(() => show(element, range), REST_MS);
    };
    range.properties.start.change.connect(moved);
    range.properties.end.change.connect(moved);
    for (const plot of [...root.references()].filter((model) => model.type === "Figure")) {
      plot.on_event("mousemove", ({ x }) => point((cursor) => cursor.setv({ location: x, visible: true }), x));
      plot.on_event("mouseleave", () => point((cursor) => cursor.setv({ visible: false }), null));
    }
    if (fine) tagged(root, "pan").forEach((tool) => { tool.active = true; });
  }

  function point(each, x) {
    for (const { cursors, lines } of linked.values()) {
      cursors.forEach(each);
      for (const { at, data } of lines) at.textContent = x === null ? "" : textAt(data, x);
    }
  }

  // The lines that the legend names, each with the place for its value at the cursor; not those that are several of a kind.
  function linesOf(element, root) {
    const found = [];
    for (const swatch of element.closest("section")?.querySelectorAll(".legend .swatch[data-kind]") ?? []) {
      const same = [...root.references()].filter((model) => model.name === swatch.dataset.kind && "text" in (model.data_source?.data ?? {}));
      if (same.length !== 1) continue;
      const item = swatch.parentElement;
      const at = item.querySelector("[data-at]") ?? item.appendChild(document.createElement("span"));
      at.dataset.at = "";
      at.className = "at-cursor";
      found.push({ at, data: same[0].data_source.data });
    }
    return found;
  }

  // The text of the value whose x is nearest; "" outside of the line and where nothing is known.
  function textAt({ x, y, text }, moment) {
    let low = 0;
    let high = x.length - 1;
    if (high < 1 || moment < x[0] || moment > x[high]) return "";
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (x[middle] <= moment) low = middle;
      else high = middle;
    }
    const nearest = moment - x[low] <= x[high] - moment ? low : high;
    return Number.isFinite(y[nearest]) ? text[nearest] : "";
  }

  function show(element, range) {
    const longer = Math.max(0, SHORTEST_MS - (range.end - range.start)) / 2;
    const names = new URL(element.dataset.chart, location.href).searchParams.has("start_time")
      ? ["start_time", "end_time"] : ["start", "end"];
    const address = new URL(location.href);
    [range.start - longer, range.end + longer].forEach((moment, k) => {
      address.searchParams.set(names[k], `${new Date(Math.round(moment / QUARTER_MS) * QUARTER_MS).toISOString().slice(0, 16)}Z`);
    });
    location.assign(address);
  }

  const drawn = new WeakMap();

  async function draw(element) {
    const asked = element.dataset.chart;
    const state = element.querySelector("[data-chart-state]") ?? document.createElement("p");
    const slow = setTimeout(() => { state.textContent = TEXTS.slow; }, SLOW_MS);
    try {
      const response = await fetch(asked, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(response.status);
      const item = await response.json();
      if (asked !== element.dataset.chart) return; // another one is asked for by now
      drawn.get(element)?.clear();
      element.querySelectorAll(":scope > :not([data-chart-state])").forEach((child) => child.remove());
      const views = await Bokeh.embed.embed_item(item, element.id);
      state.remove();
      drawn.set(element, views);
      const roots = [...views].map((view) => view.model);
      roots.forEach((root) => { paint(root); thin(root, element.clientWidth); link(element, root); });
      document.addEventListener("themechange", () => roots.forEach(paint));
      element.dataset.ready = "true";
    } catch (error) {
      state.textContent = `${TEXTS.failed} (${error.message})`;
      element.dataset.ready = "false";
    } finally {
      clearTimeout(slow);
    }
  }

  document.querySelectorAll("[data-chart]").forEach(draw);
  document.addEventListener("chartchange", (event) => draw(event.target));
})();
