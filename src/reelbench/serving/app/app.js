"use strict";
// The page of the app. Its state is in the address; texts of data and users only become text nodes.

const $ = (id) => document.getElementById(id);
const WAYS = ["you", "two", "similar", "text"];
const PLAIN = {
  way: "you", fairness: 0.5, item: "", by: "mixed", genre_weight: 0.5, text: "", model: "",
  from_year: null, to_year: null, max_runtime: null, seen: false, diversity: 0, popular: 0, k: 10,
  compare: "",
};
const LISTS = ["more", "less", "dismissed", "genres"];
let about, state, asked = 0, shown = -1, who = "you", shift = 0;
const busy = () => shown !== asked; // whether an answer is still to come
const cards = new Map(); // what is known of movies by id

// -- elements

function h(name, attributes = {}, ...children) {
  const svg = ["svg", "rect", "circle", "line", "text", "path"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== ""));
  return made;
}

const HUES = {
  Action: 8, Adventure: 30, Animation: 46, Children: 52, "Children's": 52, Comedy: 40, Crime: 350,
  Documentary: 150, Drama: 220, Fantasy: 275, "Film-Noir": 240, Horror: 0, IMAX: 200, Musical: 320,
  Music: 320, Mystery: 260, Romance: 338, "Sci-Fi": 190, "Science Fiction": 190, Thriller: 205,
  War: 85, Western: 25, History: 60, Family: 52,
};
const hash = (text) => [...text].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) >>> 0, 7);

/** A picture made of the title, in the colour of the first genre. */
function poster(card) {
  const genre = card.genres[0] || "", seed = hash(card.title);
  const hue = (HUES[genre] ?? (genre ? hash(genre) % 360 : 210)) + (seed % 17) - 8;
  const grey = genre ? 34 : 6;
  const words = card.title.split(/\s+/), lines = [""];
  for (const word of words) {
    const last = lines[lines.length - 1];
    if (last && last.length + word.length > 9) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  const shown = lines.slice(0, 5).map((line) => (line.length > 13 ? `${line.slice(0, 12)}…` : line));
  const size = Math.min(15, 82 / Math.max(...shown.map((line) => line.length), 5));
  const fill = (light, more = 0) => `hsl(${hue + more} ${grey}% ${light}%)`;
  const shapes = [0, 1, 2].map((n) => {
    const bits = seed >>> (n * 5);
    return h("circle", {
      cx: bits % 68, cy: 60 + ((bits >> 3) % 50), r: 12 + (bits % 23), fill: fill(38 + n * 6, n * 14),
      "fill-opacity": 0.55,
    });
  });
  return h("svg", { class: "poster", viewBox: "0 0 68 102", "aria-hidden": "true" },
    h("rect", { width: 68, height: 102, fill: fill(27) }), shapes,
    h("rect", { width: 68, height: 2.5, fill: fill(62) }),
    shown.map((line, n) => h("text", {
      x: 6, y: 12 + size * 0.6 + n * size * 1.18, "font-size": size.toFixed(1), fill: fill(95),
    }, line)));
}

const year = (card) => (card.year ? h("span", { class: "year" }, ` ${card.year}`) : null);
const named = (card) => (card.year ? `${card.title} (${card.year})` : card.title);
const meta = (card) => [card.genres.join(", "), card.director,
  card.runtime ? `${card.runtime} min` : ""].filter(Boolean).join(" · ");

/** Radio buttons of stars, or one button where data have no ratings. */
function stars(card, place) {
  const ratings = state[who].ratings, now = ratings[card.item];
  if (!about.scale.length) {
    return h("button", {
      type: "button", class: "plain", "aria-pressed": String(now != null), "data-focus": place,
      onclick: () => rate(card, now == null ? 1 : null),
    }, now == null ? "I liked it" : "Liked");
  }
  const [low, high] = about.scale, whole = [];
  const count = high <= 10 ? Math.floor(high) - Math.ceil(low || 1) + 1 : 5;
  for (let n = 0; n < count; n++) {
    whole.push(high <= 10 ? Math.ceil(low || 1) + n : low + ((high - low) * n) / (count - 1));
  }
  return h("fieldset", { class: "stars" },
    h("legend", {}, `Rate ${named(card)}`),
    whole.map((value) => h("label", { title: `${value} of ${high}` },
      h("input", {
        type: "radio", name: `${place}-${card.item}`, value, checked: now === value,
        "aria-label": `${value} star${value === 1 ? "" : "s"}`, "data-focus": `${place}-${value}`,
        onchange: () => rate(card, value),
      }), h("span", { "aria-hidden": "true" }, "★"))));
}

function toggle(list, card, label, pressed) {
  const on = state[list].includes(card.item);
  return h("button", {
    type: "button", class: "plain", "aria-pressed": String(on), "data-focus": `${list}-${card.item}`,
    "aria-label": `${on ? pressed : label}: ${named(card)}`, title: label,
    onclick: () => {
      change({ [list]: on ? state[list].filter((id) => id !== card.item) : [...state[list], card.item] });
    },
  }, on ? pressed : label);
}

function links(card) {
  const search = encodeURIComponent(named(card));
  const found = {
    IMDb: card.imdb ? `https://www.imdb.com/title/${card.imdb}/` : `https://www.imdb.com/find/?s=tt&q=${search}`,
    TMDB: card.tmdb ? `https://www.themoviedb.org/movie/${card.tmdb}` : `https://www.themoviedb.org/search/movie?query=${encodeURIComponent(card.title)}`,
    Wikipedia: `https://en.wikipedia.org/w/index.php?search=${encodeURIComponent(`${card.title} ${card.year || ""} film`)}`,
  };
  return Object.entries(found).map(([site, href]) => h("a", {
    href, target: "_blank", rel: "noopener noreferrer", "aria-label": `${named(card)} at ${site}, new tab`,
  }, site));
}

const digits = (value) => value.toFixed(1);

/** A predicted rating with its interval, as figures and as a line on the scale. */
function predicted(card, people) {
  if (!card.stars.length) return null;
  const [low, high] = about.scale, x = (value) => 2 + (100 * (value - low)) / (high - low);
  return h("div", { class: "predicted" }, card.stars.map((one, place) => h("div", {},
    h("span", { class: "hidden" }, "Predicted "),
    h("b", {}, `★ ${digits(one.mean)}`),
    h("small", {}, `${digits(one.low)} to ${digits(one.high)}${people.length > 1 ? ` · ${people[place].label}` : ""}`),
    h("svg", { viewBox: "0 0 104 12", "aria-hidden": "true" },
      h("line", { x1: 2, x2: 102, y1: 6, y2: 6, stroke: "var(--line)", "stroke-width": 2 }),
      h("line", { x1: x(one.low), x2: x(one.high), y1: 6, y2: 6, stroke: "var(--accent)", "stroke-width": 2, "stroke-opacity": 0.55 }),
      h("circle", { cx: x(one.mean), cy: 6, r: 3.5, fill: "var(--accent)" })))));
}

function movie(card, people, shared) {
  cards.set(card.item, card);
  return h("li", { "data-item": card.item },
    h("span", { class: "rank" }, card.rank),
    h("span", { class: "pic" }, poster(card)),
    h("div", {},
      h("h3", { class: "title" }, card.title, year(card),
        shared ? h("span", {}, " ", h("span", { class: "both" }, "in both")) : null),
      h("p", { class: "meta" }, meta(card)),
      h("ul", { class: "reasons" }, card.reasons.map((reason) => h("li", {}, reason)))),
    predicted(card, people) || h("span"),
    h("div", { class: "actions" },
      ["you", "two"].includes(state.way) ? stars(card, "list") : null,
      toggle("more", card, "More like this", "More like this ✓"),
      toggle("less", card, "Less like this", "Less like this ✓"),
      toggle("dismissed", card, "Not for me", "Not for me ✓"),
      h("button", {
        type: "button", class: "plain", "aria-label": `Similar to ${named(card)}`,
        onclick: () => change({ way: "similar", item: card.item }, true),
      }, "Similar"), links(card)));
}

/** A short row: picture, title, and what can be done. */
function small(card, ...parts) {
  cards.set(card.item, card);
  return h("li", {}, poster(card), h("span", { class: "name" }, card.title, year(card)),
    h("span", { class: "row" }, parts));
}

// -- state and address

const pairs = (ratings) => Object.entries(ratings).map(([id, value]) => `${encodeURIComponent(id)}:${value}`).join(",");

function address(of = state) {
  const query = new URLSearchParams();
  for (const [key, plain] of Object.entries(PLAIN)) if (of[key] !== plain) query.set(key, of[key]);
  for (const key of LISTS) if (of[key].length) query.set(key, of[key].map(encodeURIComponent).join(","));
  for (const one of ["you", "guest"]) {
    if (of[one].user) query.set(one, of[one].user);
    if (Object.keys(of[one].ratings).length) query.set(`${one}_rated`, pairs(of[one].ratings));
  }
  return `?${query}`;
}

function read(search) {
  const query = new URLSearchParams(search), found = { ...PLAIN };
  for (const [key, plain] of Object.entries(PLAIN)) {
    const value = query.get(key);
    if (value == null) continue;
    if (typeof plain === "string") found[key] = value;
    else if (typeof plain === "boolean") found[key] = value === "true";
    else if (value !== "" && Number.isFinite(Number(value))) found[key] = Number(value);
  }
  if (!WAYS.includes(found.way)) found.way = "you";
  for (const key of LISTS) found[key] = (query.get(key) || "").split(",").filter(Boolean).map(safe);
  for (const one of ["you", "guest"]) {
    found[one] = { user: query.get(one) || "", ratings: {} };
    for (const pair of (query.get(`${one}_rated`) || "").split(",").filter(Boolean)) {
      const [id, value] = pair.split(":");
      if (Number.isFinite(Number(value))) found[one].ratings[safe(id)] = Number(value);
    }
  }
  return found;
}

function safe(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function change(some, step = false) {
  Object.assign(state, some);
  history[step ? "pushState" : "replaceState"](null, "", address());
  if (step) { $("because").replaceChildren(); }
  show();
}

function rate(card, value) {
  const ratings = { ...state[who].ratings };
  if (value == null) delete ratings[card.item];
  else ratings[card.item] = value;
  cards.set(card.item, card);
  change({ [who]: { ...state[who], ratings } });
}

// -- questions

async function ask(path, body) {
  const options = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const answer = await fetch(path, options);
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error || "The app does not answer.");
  return found;
}

function wanted(changed = {}) {
  const { compare, ...rest } = { ...state, ...changed };
  return rest;
}

async function show() {
  const turn = ++asked, focus = document.activeElement?.dataset?.focus;
  sideways();
  $("columns").setAttribute("aria-busy", "true");
  let answers;
  try {
    const models = state.compare ? [state.model, state.compare] : [state.model];
    answers = state.way === "similar" && !state.item ? [] : state.way === "text" && !state.text ? []
      : await Promise.all(models.map((model) => ask("api/answer", wanted({ model }))));
  } catch (error) {
    if (turn === asked) failed(error);
    if (turn === asked) shown = turn;
    return;
  }
  if (turn !== asked) return; // a later click has been answered
  for (const card of answers.flatMap((answer) => answer.named)) cards.set(card.item, card);
  render(answers);
  shown = turn;
  if (focus && !(document.activeElement?.dataset?.focus)) {
    (document.querySelector(`[data-focus="${CSS.escape(focus)}"]`) || $("list")).focus({ preventScroll: true });
  }
}

function failed(error) {
  $("columns").setAttribute("aria-busy", "false");
  $("columns").replaceChildren();
  $("list").textContent = "No answer";
  $("by").textContent = "";
  $("notes").className = "error";
  $("notes").textContent = error.message;
}

function render(answers) {
  const first = answers[0];
  $("columns").setAttribute("aria-busy", "false");
  $("columns").className = answers.length > 1 ? "two" : "";
  $("notes").className = "";
  if (!first) {
    $("list").textContent = state.way === "text" ? "Describe what you are looking for" : "Choose a movie";
    $("by").textContent = $("notes").textContent = "";
    $("columns").replaceChildren();
    return;
  }
  const ids = answers.map((answer) => new Set(answer.movies.map((card) => card.item)));
  const both = answers.length > 1 ? [...ids[0]].filter((id) => ids[1].has(id)) : [];
  $("list").textContent = first.heading;
  const source = first.stars_by ? `stars by ${first.stars_by}, with intervals for 8 of 10 ratings` : "";
  const by = state.way === "similar" ? `by ${KINDS[first.model] || first.model}`
    : state.way === "text" ? "by meaning of the texts" : `ranked by ${first.model}`;
  $("by").textContent = [by, first.measured, source].filter(Boolean).join(" · ");
  $("notes").textContent = first.notes.join(" ");
  $("columns").replaceChildren(...answers.map((answer) => h("div", {},
    answers.length > 1 ? h("h3", {}, `${answer.model} · ${both.length} of ${answer.movies.length} in both`) : null,
    answer.movies.length ? h("ol", { class: "movies" },
      answer.movies.map((card) => movie(card, answer.people, both.includes(card.item))))
      : h("p", {}, "No movie is left: loosen the filters."))));
  $("live").textContent = first.movies.length
    ? `${first.heading}: ${first.movies.length} movies, first ${named(first.movies[0])}` : "No movie is left";
  context(first.people);
  mine();
  if (state.way === "similar") chosen();
}

const KINDS = {
  mixed: "people and content together", content: "director, genres and tags", text: "director and text",
};

function context(people) {
  const person = people[who === "guest" && people.length > 1 ? 1 : 0];
  const box = $("context");
  box.hidden = !person?.known || !["you", "two"].includes(state.way);
  if (!box.hidden) {
    box.replaceChildren(h("h3", {}, `Rated best by ${person.label}, of ${person.rated}`),
      h("ol", { class: "small" }, person.best.map((card) => small(card,
        h("span", { class: "meta" }, about.scale.length ? `★ ${card.rating}` : ""), h("span", { class: "meta" }, meta(card))))));
  }
}

function mine() {
  const rated = Object.keys(state[who].ratings), box = $("mine"), gone = state.dismissed;
  box.hidden = !(rated.length || gone.length) || !["you", "two"].includes(state.way);
  if (box.hidden) return;
  const known = (id) => cards.get(id) || { item: id, title: `Movie ${id}`, genres: [] };
  const rows = rated.map((id) => small(known(id), stars(known(id), "mine"), h("button", {
    type: "button", class: "plain", "data-focus": `remove-${id}`, "aria-label": `Remove the rating of ${named(known(id))}`,
    onclick: () => rate(known(id), null),
  }, "Remove")));
  rows.push(...gone.map((id) => small(known(id), toggle("dismissed", known(id), "Not for me", "Not for me ✓"))));
  box.replaceChildren(h("h3", {}, who === "guest" ? "Your guest's ratings" : "Your ratings"),
    h("ol", { class: "small" }, rows),
    h("button", {
      type: "button", class: "plain",
      onclick: () => change({ [who]: { ...state[who], ratings: {} }, dismissed: [], more: [], less: [] }),
    }, "Start again"));
}

function chosen() {
  const card = cards.get(state.item);
  $("about-item").replaceChildren(...(card ? [h("ol", { class: "small" }, small(card, h("span", { class: "meta" }, meta(card))))] : []));
}

// -- the side and the controls

function sideways() {
  for (const link of document.querySelectorAll("[data-way]")) {
    const own = link.dataset.way === state.way;
    if (own) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    link.href = address({ ...state, way: link.dataset.way });
  }
  for (const part of document.querySelectorAll("[data-ways]")) {
    part.hidden = !part.dataset.ways.split(" ").includes(state.way);
  }
  if (state.way !== "two") who = "you";
  document.querySelector(`#people [value=${who}]`).checked = true;
  $("user").value = state[who].user;
  $("words").value = state.text;
  start();
  mine();
  chosen();
  controls();
}

function start() {
  const own = about.starters.slice(shift, shift + 10);
  $("start").replaceChildren(h("h3", {}, "Rate a few that you know"),
    h("ol", { class: "small" }, own.map((card) => small(card, stars(card, "start"),
      toggle("dismissed", card, "Not for me", "Not for me ✓")))),
    about.starters.length > 10 ? h("button", {
      type: "button", class: "plain", "data-focus": "others",
      onclick: () => { shift = (shift + 10) % about.starters.length; start(); document.querySelector("[data-focus=others]").focus(); },
    }, "Ten others") : null);
}

function slider(name, label, left, right, min = 0, max = 1) {
  return h("label", {}, label, h("input", {
    type: "range", min, max, step: 0.1, value: state[name], "data-focus": name,
    onchange: (event) => change({ [name]: Number(event.target.value) }),
  }), h("span", { class: "ends" }, h("span", {}, left), h("span", {}, right)));
}

function choice(name, label, options) {
  return h("label", {}, label, h("select", {
    "data-focus": name, onchange: (event) => change({ [name]: event.target.value }),
  }, options.map(([value, text]) => h("option", { value, selected: state[name] === value }, text))));
}

function number(name, label, placeholder) {
  return h("input", {
    type: "number", "aria-label": label, placeholder, value: state[name], "data-focus": name,
    onchange: (event) => change({ [name]: event.target.value === "" ? null : Number(event.target.value) }),
  });
}

function controls() {
  const people = ["you", "two"].includes(state.way), similar = state.way === "similar";
  const models = about.models.map((model) => [model.name, model.slow ? `${model.name} (slow at first)` : model.name]);
  const parts = [];
  if (similar) {
    const kinds = Object.entries(KINDS);
    parts.push(choice("by", "Similar by", [...kinds, ...models.filter(([name]) => !(name in KINDS))]));
    if (state.by === "content" && about.tags) parts.push(slider("genre_weight", "Tags or genres", "tags", "genres"));
  }
  if (people) {
    parts.push(choice("model", "Ranked by", [["", "best available"], ...models]));
    parts.push(choice("compare", "Beside it", [["", "no other list"], ...models]));
  }
  if (state.way === "two") parts.push(slider("fairness", "Whom to please", "both on average", "the less happy one"));
  parts.push(slider("popular", "Adventurous or popular", "adventurous", "popular", -1, 1));
  parts.push(slider("diversity", "Diversity", "best first", "of many kinds"));
  if (about.years.length) {
    parts.push(h("fieldset", {}, h("legend", {}, "Years"), h("span", { class: "pair" },
      number("from_year", "First year", about.years[0]), "to", number("to_year", "Last year", about.years[1]))));
  }
  if (about.runtimes.length) {
    parts.push(h("label", {}, "Longest, in minutes", number("max_runtime", "Longest, in minutes", Math.round(about.runtimes[1]))));
  }
  if (people) {
    parts.push(h("label", { class: "check" }, h("input", {
      type: "checkbox", checked: !state.seen, "data-focus": "seen",
      onchange: (event) => change({ seen: !event.target.checked }),
    }), "Not yet rated only"));
  }
  parts.push(choice("k", "Length", [5, 10, 20, 50].map((k) => [k, `${k} movies`])));
  parts.at(-1).querySelector("select").value = state.k;
  parts.at(-1).querySelector("select").onchange = (event) => { state.k = Number(event.target.value); };
  parts.push(h("fieldset", { class: "wide" }, h("legend", {}, "Genres"), h("span", { class: "chips" },
    about.genres.map((genre) => h("button", {
      type: "button", "aria-pressed": String(state.genres.includes(genre)), "data-focus": `genre-${genre}`,
      onclick: () => change({ genres: state.genres.includes(genre) ? state.genres.filter((one) => one !== genre) : [...state.genres, genre] }),
    }, genre)))));
  $("controls").replaceChildren(...parts);
  const active = ["popular", "diversity", "from_year", "to_year", "max_runtime", "seen", "model", "compare"]
    .filter((key) => state[key] !== PLAIN[key]).length + LISTS.slice(0, 2).filter((key) => state[key].length).length + (state.genres.length > 0);
  $("active").textContent = active ? `(${active} set)` : "";
}

/** A box that completes titles; ARIA's combobox with a list. */
function combo(input, pick) {
  const list = h("ul", { role: "listbox", id: `${input.id}-list`, "aria-label": "Titles", hidden: true });
  input.after(list);
  for (const [key, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" })) {
    input.setAttribute(key, value);
  }
  let turn = 0, place = -1, found = [];
  const close = () => { list.hidden = true; place = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const choose = (card) => { turn++; cards.set(card.item, card); input.value = ""; close(); pick(card); };
  const mark = (next) => {
    place = (next + found.length) % found.length;
    [...list.children].forEach((row, n) => row.setAttribute("aria-selected", String(n === place)));
    list.children[place].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", list.children[place].id);
  };
  input.addEventListener("input", async () => {
    const own = ++turn, text = input.value.trim();
    if (!text) { close(); return; }
    const answer = await ask(`api/titles?q=${encodeURIComponent(text.slice(0, 200))}`).catch(() => []);
    if (own !== turn) return;
    found = answer;
    place = -1;
    list.replaceChildren(...(found.length ? found.map((card, n) => h("li", {
      role: "option", id: `${list.id}-${n}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); choose(card); },
    }, card.title, year(card), h("small", {}, card.genres.length ? ` · ${card.genres.join(", ")}` : "")))
      : [h("li", { role: "option", "aria-disabled": "true" }, "No title is like this")]));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); return; }
    if (list.hidden || !found.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(place + (event.key === "ArrowDown" ? 1 : place < 0 ? 0 : -1)); }
    if (event.key === "Enter") { event.preventDefault(); choose(found[Math.max(place, 0)]); }
  });
  input.addEventListener("blur", close);
}

function found(card) {
  if (state.way === "similar") { change({ item: card.item }, true); return; }
  about.starters = about.starters.filter((one) => one.item !== card.item);
  shift = Math.min(shift, about.starters.length);
  about.starters.splice(shift, 0, card);
  start();
  $("start").querySelector("input, button")?.focus();
}

async function why(card) {
  const box = $("because");
  let answer;
  try { answer = await ask("api/answer", wanted({ why: card.item })); } catch (error) { box.textContent = error.message; return; }
  const lines = [];
  if (answer.refused.length) lines.push(h("p", {}, `It ${answer.refused.join(", and ")}. Without that it would be at place ${answer.rank}.`));
  else lines.push(h("p", {}, `It is at place ${answer.rank} of ${answer.of}${answer.rank <= state.k ? ", so it is in the list" : ""}.`));
  const lifts = answer.lifts.map((lift) => h("li", {}, `rating ${named(lift)} highest: place ${lift.rank}`));
  for (const [key, name] of [["popular", "popular"], ["adventurous", "adventurous"]]) {
    if (answer[key] < answer.rank) lifts.push(h("li", {}, `the slider at ${name}: place ${answer[key]}`));
  }
  if (lifts.length && answer.rank > 1) lines.push(h("p", {}, "What would lift it:"), h("ul", {}, lifts));
  box.replaceChildren(h("h3", {}, named(card)), ...lines);
}

// -- start

async function main() {
  try { about = await ask("api/about"); } catch (error) { failed(error); return; }
  $("data").textContent = `${about.data} · ${about.users.toLocaleString("en")} users · ${about.movies.toLocaleString("en")} movies`;
  $("user").placeholder = about.example;
  if (!about.texts) document.querySelector("[data-way=text]").hidden = true;
  about.starters.forEach((card) => cards.set(card.item, card));
  state = read(location.search);
  for (const link of document.querySelectorAll("[data-way]")) {
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      change({ way: link.dataset.way }, true);
    });
  }
  combo($("find"), found);
  combo($("whynot"), why);
  $("person").addEventListener("submit", (event) => {
    event.preventDefault();
    change({ [who]: { ...state[who], user: $("user").value.trim() } }, true);
  });
  $("describe").addEventListener("submit", (event) => { event.preventDefault(); change({ text: $("words").value.trim() }, true); });
  $("words").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); $("describe").requestSubmit(); }
  });
  for (const input of document.querySelectorAll("#people input")) {
    input.addEventListener("change", () => { who = input.value; show(); });
  }
  addEventListener("popstate", () => { state = read(location.search); show(); });
  show();
}

main();
