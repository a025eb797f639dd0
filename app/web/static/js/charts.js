/* Pictures of reports, in the colours of the page. */
function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(data) {
  const ink = token("--sw-soft");
  const line = token("--sw-line");
  const made = {
    animation: false,
    textStyle: { fontFamily: token("--sw-font") },
    color: [token("--sw-accent"), "#c27803", "#5b7fd1", "#b4558f", "#6d8f3c", "#8a6fd1"],
    tooltip: { trigger: data.type === "pie" ? "item" : "axis", renderMode: "richText", confine: true },
    legend: { top: 0, type: "scroll", textStyle: { color: ink } },
    aria: { enabled: false },
  };
  if (data.type === "pie") {
    const [first] = data.series;
    made.series = [{
      name: first.name, type: "pie", radius: ["35%", "70%"], label: { color: ink },
      data: first.data.map((value, at) => ({ name: data.x[at], value })),
    }];
    return made;
  }
  const many = data.x.length > 8;
  made.grid = { left: 8, right: 16, top: 36, bottom: 8, containLabel: true };
  made.xAxis = {
    type: "category", data: data.x, axisLine: { lineStyle: { color: line } },
    axisLabel: { color: ink, rotate: many ? 40 : 0, width: 96, overflow: "truncate", hideOverlap: true },
  };
  made.yAxis = { type: "value", axisLabel: { color: ink }, splitLine: { lineStyle: { color: line } } };
  made.series = data.series.map((one) => ({
    name: one.name, data: one.data, type: data.type === "line" ? "line" : "bar",
    stack: data.type === "stacked" ? "all" : undefined, barMaxWidth: 28,
  }));
  return made;
}

function startChart(place) {
  const data = JSON.parse(place.dataset.chart);
  const chart = window.echarts.init(place, null, { renderer: "canvas" });
  chart.setOption(options(data));
  new ResizeObserver(() => chart.resize()).observe(place);
  const redraw = () => chart.setOption(options(data), true);
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

function startCharts(root) {
  if (window.echarts) for (const place of root.querySelectorAll("[data-chart]")) startChart(place);
}

startCharts(document);
document.addEventListener("htmx:load", (event) => startCharts(event.detail.elt.parentElement ?? event.detail.elt));
