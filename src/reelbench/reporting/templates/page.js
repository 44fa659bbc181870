// -- charts: drawn when they come into sight; those that are printed also when the browser has nothing else to do
const theme = {{ style.THEME | json }};
const options = {mode: "vega-lite", renderer: "svg", actions: false, config: theme, tooltip: {theme: "page"}};

// Vega is in the page, compressed: as it is, it would be most of it.
async function unpack() {
  const packed = atob(document.getElementById("library").textContent);
  const bytes = Uint8Array.from(packed, letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

// after the first paint
const painted = new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
const library = painted.then(unpack);
library.catch(() => {
  const words = document.querySelector("noscript").textContent.replace("JavaScript", "a browser of 2023 or later");
  document.querySelector("h1").insertAdjacentHTML("afterend", words);
});

const datasets = JSON.parse(document.getElementById("datasets").textContent);

function specOf(figure) {
  const text = figure.querySelector("script").textContent, names = text.match(/(?<="name":")data-\w+/g) ?? [];
  return Object.assign(JSON.parse(text), {datasets: Object.fromEntries(names.map(name => [name, datasets[name]]))});
}

async function draw(figure) {
  if (figure.dataset.state) return;
  figure.dataset.state = "drawing";
  await library;
  await vegaEmbed(figure.querySelector(".drawing"), figure.spec ?? specOf(figure), options);
  figure.dataset.state = "drawn";
}

const sight = new IntersectionObserver(entries => {
  for (const entry of entries) if (entry.isIntersecting) { sight.unobserve(entry.target); draw(entry.target); }
}, {rootMargin: "200px"});
for (const figure of document.querySelectorAll("figure.chart")) sight.observe(figure);

const idle = window.requestIdleCallback ?? setTimeout;
async function drawPrinted() {
  await library;
  for (const figure of document.querySelectorAll("header figure.chart, main figure.chart")) {
    if (figure.closest("details:not([open])")) continue;
    await new Promise(resolve => idle(resolve));
    await draw(figure);
  }
}
addEventListener("load", drawPrinted);

// -- leaderboard
const board = document.querySelector("#board table"), body = board.tBodies[0], headings = [...board.tHead.rows[0].cells];
const controls = document.getElementById("controls"), rows = [...body.rows];
const verdicts = {best: "the best", equivalent: "equivalent to the best", undecided: "undecided against the best", worse: "worse than the best"};
let sorted = null, ascending = true;

function valueOf(row, place) {
  const text = row.cells[place].textContent;
  return place ? parseFloat(text.replace(/[~,]/g, "")) : text;
}

function compare(a, b, place) {
  const [one, other] = [valueOf(a, place), valueOf(b, place)];
  if (!place) return (ascending ? 1 : -1) * one.localeCompare(other);
  if (isNaN(one) || isNaN(other)) return isNaN(one) - isNaN(other); // what has no value comes last
  return ascending ? one - other : other - one;
}

function arrange() {
  const {family, group, columns, intervals} = Object.fromEntries([...controls.elements].map(e => [e.name, e.type === "checkbox" ? e.checked : e.value]));
  board.className = columns;
  board.classList.toggle("plain", !intervals);
  const order = [...rows];
  if (sorted !== null) order.sort((a, b) => compare(a, b, sorted));
  const shown = order.filter(row => !family || row.dataset.family === family);
  body.replaceChildren();
  if (!group) return body.append(...shown);
  const without = "without this metric, or not compared";
  const titleOf = row => verdicts[row.getAttribute(`data-${group}`)] ?? without;
  for (const title of [...Object.values(verdicts), without]) {
    const own = shown.filter(row => titleOf(row) === title);
    if (!own.length) continue;
    const heading = body.insertRow();
    heading.className = "group";
    const cell = document.createElement("th");
    Object.assign(cell, {colSpan: headings.length, scope: "colgroup", textContent: `${title} (${own.length})`});
    heading.append(cell);
    body.append(...own);
  }
}

headings.forEach((heading, place) => heading.querySelector("button").addEventListener("click", () => {
  ascending = sorted === place ? !ascending : heading.dataset.better !== "higher";
  sorted = place;
  headings.forEach(other => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  arrange();
}));
controls.addEventListener("change", () => {
  const heading = headings.findIndex(own => own.dataset.key === controls.elements.group.value);
  if (heading > 0 && sorted !== heading) headings[heading].querySelector("button").click();
  else arrange();
});
controls.addEventListener("submit", event => event.preventDefault());

// -- cards: a dialog per model, opened by the address #model-NAME
// charts of all models, with the name of the list from which one is chosen
const shared = {differences: "against", cohorts: "model", calibration: "model", predicted_vs_actual: "model"};

function fill(card) {
  const model = card.dataset.model, row = rows.find(candidate => candidate.dataset.model === model);
  const figures = card.querySelector(".figures");
  headings.slice(1).forEach((heading, place) => {
    const cell = row.cells[place + 1];
    if (cell.textContent.startsWith("—")) return;
    const fact = document.createElement("div"), term = document.createElement("dt"), value = document.createElement("dd");
    const verdict = verdicts[row.getAttribute(`data-${heading.dataset.key}`)];
    term.textContent = heading.textContent;
    value.append(...[...cell.childNodes].filter(node => node.nodeName !== "SUP").map(node => node.cloneNode(true)));
    if (verdict) value.append(Object.assign(document.createElement("span"), {className: "interval", textContent: verdict}));
    fact.append(term, value);
    figures.append(fact);
  });
  for (const [name, chooser] of Object.entries(shared)) {
    const original = document.getElementById(`chart-${name}`);
    if (!original) continue;
    const spec = specOf(original), chosen = spec.params.find(parameter => parameter.name === chooser);
    if (!chosen.bind.options.includes(model)) continue;
    chosen.value = model;
    delete chosen.bind;
    const copy = original.cloneNode(true);
    copy.removeAttribute("id");
    copy.removeAttribute("data-state");
    copy.querySelector(".drawing").replaceChildren();
    copy.querySelector(".drawing").className = "drawing";
    copy.querySelector("script").remove();
    copy.spec = spec;
    card.querySelector(".shared").append(copy);
    sight.observe(copy);
  }
}

function follow() {
  const card = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (const other of document.querySelectorAll("dialog[open]")) if (other !== card) other.close();
  if (!card?.matches("dialog") || card.open) return;
  if (!card.dataset.filled) fill(card);
  card.dataset.filled = "yes";
  card.showModal();
  card.scrollTop = 0;
}
for (const card of document.querySelectorAll("dialog")) {
  card.addEventListener("click", event => { if (event.target === card) card.close(); });
  card.addEventListener("close", () => {
    if (decodeURIComponent(location.hash.slice(1)) === card.id) history.replaceState(null, "", "#");
  });
}
addEventListener("hashchange", follow);
follow();
