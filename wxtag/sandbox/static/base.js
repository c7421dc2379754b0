// Small things all pages use: requests, escaping, avatars, dialogs.
"use strict";
const T = JSON.parse(document.getElementById("texts").textContent);
const $ = (selector, root) => (root || document).querySelector(selector);
const esc = (value) => String(value ?? "").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const say = (key, ...values) => values.reduce((text, value) => text.replace("{}", value), T[key] || key);
const COLOURS = ["#5b8def", "#e58f4e", "#4fae8b", "#9a78d8", "#d9707f", "#3fa3bd", "#b59a3d", "#6c86a3"];

function colour(text) {
  let sum = 5;
  for (const c of String(text)) sum = (sum * 33 + c.codePointAt(0)) % 9973;
  return COLOURS[sum % COLOURS.length];
}
function avatar(name) {
  return `<span class="avatar" style="background:${colour(name)}">${esc([...String(name)][0] || "?")}</span>`;
}
async function ask(method, path, body) {
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  const response = await fetch(path, options);
  const answer = await response.json();
  return { ok: response.ok && answer.ok !== false, ...answer };
}
const why = (text) => T[`why_${text}`] || text;
const eventName = (name) => T[`event_${name.split(".").pop()}`] || name;
const act = (verb, body) => ask("POST", `/sandbox/act/${verb}`, body);

let toastTimer;
function toast(text) {
  const box = $(".toast");
  box.textContent = text;
  box.classList.add("on");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.classList.remove("on"), 2200);
}
function clock(seconds) {
  const d = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`;
}
const hms = (seconds) => new Date(seconds * 1000).toTimeString().slice(0, 8);

// A dialog with a title and a body; gives true when confirmed.
function dialog(title, html, confirmText) {
  const box = document.createElement("dialog");
  box.innerHTML = `<form method="dialog"><header>${esc(title)}</header><div class="inside">${html}</div>
    <footer><button value="no">${T.cancel}</button><button class="main" value="yes">${confirmText || T.confirm}</button></footer></form>`;
  document.body.append(box);
  // Enter in a field confirms.
  box.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && e.target.tagName === "INPUT") { e.preventDefault(); box.close("yes"); }
  });
  box.showModal();
  const field = $("input[type=text]", box);
  if (field) field.select();
  return new Promise((done) => box.addEventListener("close", () => {
    const result = box.returnValue === "yes" ? box : null;
    done(result);
    box.remove();
  }));
}
// Calls a reader now and every 1.5 s, without overlap.
function poll(read) {
  const turn = async () => {
    try { await read(); } catch { toast(T.lost); }
    setTimeout(turn, 1500);
  };
  turn();
}
