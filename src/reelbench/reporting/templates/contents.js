// Links to the sections: which ones exist depends on the run.
for (const heading of document.querySelectorAll("main h2[id]")) {
  const link = Object.assign(document.createElement("a"), {href: `#${heading.id}`});
  link.textContent = heading.textContent;
  document.querySelector("nav").append(link);
}
