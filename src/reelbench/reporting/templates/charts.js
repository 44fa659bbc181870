// Draws every chart of the page: those in view at once, those in a closed <details> when it opens.
(() => {
  // CSS variables of the page, so that what is drawn follows it from light to dark and to print
  const text = "var(--text)", soft = "var(--soft)", line = "var(--line)";
  const font = "system-ui, sans-serif";
  const config = {
    background: "transparent",
    font,
    view: {stroke: null},
    title: {color: text, anchor: "start", fontSize: 14, offset: 10, subtitleColor: soft},
    axis: {
      labelColor: soft, titleColor: soft, titleFontWeight: "normal", labelLimit: 110, labelFontSize: 11, titleFontSize: 11,
      domainColor: line, gridColor: line, gridOpacity: 0.6, tickColor: line,
    },
    legend: {labelColor: text, titleColor: soft},
    text: {color: text, fontSize: 11},
  };
  const options = {mode: "vega-lite", renderer: "svg", actions: false, config, tooltip: {theme: "page"}};

  async function draw(figure) {
    if (figure.dataset.state) return;
    figure.dataset.state = "drawing";
    const spec = JSON.parse(figure.querySelector("script").textContent);
    await vegaEmbed(figure.querySelector(".drawing"), spec, options);
    figure.dataset.state = "drawn";
  }

  const pause = () => new Promise(resolve => setTimeout(resolve));
  const hidden = figure => figure.closest("details:not([open])");

  async function drawAll(within) {
    for (const figure of within.querySelectorAll("figure.chart")) {
      if (hidden(figure)) continue;
      await draw(figure);
      await pause();
    }
  }

  for (const details of document.querySelectorAll("details")) {
    details.addEventListener("toggle", () => drawAll(details));
  }
  drawAll(document);
})();
