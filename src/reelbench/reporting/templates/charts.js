// Links to the sections: which ones exist depends on the run.
for (const heading of document.querySelectorAll("main h2[id]")) {
  const link = Object.assign(document.createElement("a"), {href: `#${heading.id}`});
  link.textContent = heading.textContent;
  document.querySelector("nav").append(link);
}
// Draws every chart of the page at once, but those in a closed <details> when it opens.
(() => {
  const config = {{ theme | json }};
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
