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

  // Vega is in the page, compressed: as it is, it would be two thirds of it.
  async function unpack() {
    const packed = atob(document.getElementById("library").textContent);
    const bytes = Uint8Array.from(packed, letter => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  async function draw(figure) {
    if (figure.dataset.state) return;
    figure.dataset.state = "drawing";
    const spec = JSON.parse(figure.querySelector("script").textContent);
    await library;
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
  const library = unpack();
  library.then(() => drawAll(document), () => {
    const words = document.querySelector("noscript").textContent.replace("JavaScript", "a browser of 2023 or later");
    document.querySelector("header").insertAdjacentHTML("afterend", words);
  });
})();
