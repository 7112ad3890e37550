// The map of assets: countries first, tiles over them where there are any, a marker for each place in the list.
"use strict";
(async () => {
  const element = document.querySelector("#map");
  if (!element || typeof L === "undefined") return;
  const AMSTERDAM = [52.37, 4.9];
  const tiles = element.dataset.tiles;
  const map = L.map(element, { preferCanvas: true, maxZoom: tiles ? 18 : 8, minZoom: 1, attributionControl: Boolean(tiles) });
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const style = () => ({ color: colour("muted"), weight: 0.5, fillColor: colour("card"), fillOpacity: 1 });

  const icons = new Map([...document.querySelectorAll("[data-icon]")].map((each) => [each.dataset.icon, each.innerHTML]));
  const texts = JSON.parse(document.body.dataset.texts ?? "{}");
  const inputs = ["#latitude", "#longitude"].map((name) => document.querySelector(name));
  if (element.dataset.picks) {
    const typed = () => inputs.map((input) => Number.parseFloat(input.value));
    const known = typed().every(Number.isFinite);
    const pin = L.marker(known ? typed() : AMSTERDAM, { icon: L.divIcon({ className: "pin", iconSize: [16, 16] }), title: texts.place });
    if (known) pin.addTo(map);
    map.setView(known ? typed() : AMSTERDAM, 4);
    map.on("click", ({ latlng }) => {
      const place = latlng.wrap();
      inputs[0].value = place.lat.toFixed(4);
      inputs[1].value = place.lng.toFixed(4);
      pin.setLatLng(place).addTo(map);
    });
    inputs.forEach((input) => input.addEventListener("change", () => {
      if (typed().every(Number.isFinite)) { pin.setLatLng(typed()).addTo(map); map.panTo(typed()); }
    }));
  }

  const cluster = element.dataset.picks ? L.layerGroup() : L.markerClusterGroup({ showCoverageOnHover: false });
  for (const place of document.querySelectorAll("[data-places] li")) {
    const icon = L.divIcon({ className: "pin", html: icons.get(place.dataset.type) ?? "", iconSize: [32, 32] });
    const marker = L.marker([Number(place.dataset.lat), Number(place.dataset.lon)], {
      icon, title: place.querySelector("a").textContent, alt: place.querySelector("a").textContent,
    });
    const popup = document.createElement("div");
    popup.textContent = texts.loading;
    marker.bindPopup(popup, { minWidth: 240 });
    marker.on("popupopen", async () => {
      try {
        const answer = await fetch(place.dataset.state);
        if (!answer.ok) throw new Error(answer.status);
        const fragment = new DOMParser().parseFromString(await answer.text(), "text/html");
        popup.replaceChildren(...fragment.body.childNodes);
      } catch {
        popup.textContent = texts.noState;
      }
      marker.getPopup().update();
    });
    cluster.addLayer(marker);
  }
  map.addLayer(cluster);
  if (!element.dataset.picks && cluster.getLayers().length) map.fitBounds(cluster.getBounds().pad(0.2), { maxZoom: 6 });
  else if (!element.dataset.picks) map.setView(AMSTERDAM, 5);
  if (tiles) L.tileLayer(tiles, { maxZoom: 18, attribution: "© Mapbox © OpenStreetMap" }).addTo(map);
  try {
    const countries = L.geoJSON(await (await fetch(element.dataset.countries)).json(), { style, interactive: false });
    countries.addTo(map).bringToBack();
    document.addEventListener("themechange", () => countries.setStyle(style()));
    element.dataset.ready = "true";
  } catch {
    element.dataset.ready = "false";
  }
})();
