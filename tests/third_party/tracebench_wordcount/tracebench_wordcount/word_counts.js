// A view of another package: it imports nothing, and links through the selection and the answers that the bench has.

const STEM = "word_counts";

async function render({ model, el, host, signal }) {
  const root = make("section", { class: "wordcount", "data-view": STEM, "data-state": "loading" });
  el.append(root);
  const life = new AbortController();
  signal?.addEventListener("abort", () => life.abort());
  life.signal.addEventListener("abort", () => root.remove());
  try {
    const selection = (await host.getWidget(model.get("selection"))).exports;
    const answers = (await host.getWidget(model.get("_answers"))).exports;
    await follow(root, model, selection, answers, life.signal);
  } catch (error) {
    if (!life.signal.aborted) fail(root, error);
  }
  return () => life.abort();
}

// The answer about the selected trace, asked for again when another trace is selected.
async function follow(root, model, selection, answers, signal) {
  let drawn = null;
  const update = async ({ trace }) => {
    const at = trace ?? 0;
    if (drawn === at) return;
    drawn = at;
    root.dataset.state = "loading";
    const request = model.get("_requests")[at];
    if (!request) throw new Error("This bench asks for no word count of this text.");
    const answer = await answers.ask(request, { signal });
    if (drawn === at && !signal.aborted) draw(root, answer, selection, signal);
  };
  selection.on((fields) => update(fields).catch((error) => fail(root, error)), signal);
  await update(selection.fields);
}

function draw(root, answer, selection, signal) {
  const { counts, pieces, ids } = answer;
  const rows = pieces.flatMap(([text, display], token) => {
    const count = counts.at({ token });
    return Number.isNaN(count) ? [] : [{ token, id: ids[token], text, display, count }];
  });
  const body = make("tbody");
  for (const { token, display, count } of rows) {
    const row = make("tr", { "data-token": String(token), tabindex: "0" });
    row.append(make("th", { scope: "row" }, display), make("td", {}, String(count)));
    row.addEventListener("click", () => selection.set({ token }), { signal });
    body.append(row);
  }
  const table = make("table");
  table.append(body);
  root.replaceChildren(make("h2", {}, "How often does each token occur?"), menu(rows), table);
  const mark = ({ token }) => {
    for (const row of body.children) row.setAttribute("aria-selected", String(row.dataset.token === String(token)));
  };
  selection.on(mark, signal);
  mark(selection.fields);
  root.dataset.state = "ready";
}

// The menu has the names that those of tracebench have.
function menu(rows) {
  const list = make("div", { role: "menu", hidden: "" });
  const open = make("button", { type: "button", "aria-label": "Menu" }, "⋯");
  const save = make("button", { type: "button", role: "menuitem" }, "Save numbers (CSV)");
  open.addEventListener("click", () => list.toggleAttribute("hidden"));
  save.addEventListener("click", () => download("word_counts.csv", csv(rows)));
  list.append(save);
  const both = make("div");
  both.append(open, list);
  return both;
}

function csv(rows) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = rows.map(({ token, id, text, count }) => [token, id, quoted(text), count].join(","));
  return `${["token,token_id,text,count", ...lines].join("\r\n")}\r\n`;
}

function download(name, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

function fail(root, error) {
  root.dataset.state = error?.name === "AskError" && error.absent ? "absent" : "error";
  root.replaceChildren(make("p", { role: "alert" }, error?.message ?? String(error)));
}

function make(tag, attributes = {}, text = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

export default { render };
