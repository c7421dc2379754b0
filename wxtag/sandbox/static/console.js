// The admin console: the tag library, faults, switches, the logs.
"use strict";
const corp = () => $("#corp").value;
const TABS = ["tags", "faults", "switches", "calls", "deliveries"];
let tab = "tags";
let groups = [];

function show() {
  tab = TABS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "tags";
  for (const name of TABS) {
    $(`#tab-${name}`).classList.toggle("here", name === tab);
    $(`.tabs a[href="#${name}"]`).classList.toggle("here", name === tab);
  }
  if (tab === "switches") drawSwitches();
}
function keep(node, html) {
  if (node.dataset.html !== html) { node.dataset.html = html; node.innerHTML = html; }
}
function creator(item) {
  return item.creator === "console" ? T.created_by_console : say("created_by_app", item.creator);
}
const small = (name, key, id, extra) => `<button class="bare" data-do="${name}" data-id="${esc(id)}" ${extra || ""}>${key}</button>`;

async function drawTags() {
  ({ groups } = await ask("GET", `/sandbox/library/${corp()}`));
  keep($("#groups"), groups.map((g) => `<div class="card group"><header><b>${esc(g.name)}</b><span class="badge">${esc(creator(g))}</span><span class="grow"></span>
    ${small("group_up", T.up, g.id)}${small("group_down", T.down, g.id)}${small("rename", T.rename, g.id, `data-name="${esc(g.name)}"`)}
    ${small("tag_new", T.add_tag, g.id)}${small("delete", T.delete, g.id)}</header>
    ${g.tags.map((x) => `<span class="tagrow" title="${esc(creator(x))}"><span>${esc(x.name)}</span>${small("tag_up", "←", x.id, `title="${T.up}"`)}${small("tag_down", "→", x.id, `title="${T.down}"`)}${small("rename", "✎", x.id, `data-name="${esc(x.name)}" title="${T.rename}"`)}${small("delete", "×", x.id, `title="${T.delete}"`)}</span>`).join("")}</div>`).join("") || `<p class="soft">${T.empty_library}</p>`);
}
function moved(list, id, step) {
  const ids = list.map((x) => x.id);
  const at = ids.indexOf(id);
  const to = at + step;
  if (at < 0 || to < 0 || to >= ids.length) return null;
  [ids[at], ids[to]] = [ids[to], ids[at]];
  return ids;
}
async function form(title, rows) {
  const box = await dialog(title, rows.map(([name, text, value]) => `<p><span class="soft small">${text}</span><br><input type="text" name="${name}" value="${esc(value || "")}" style="width:100%"></p>`).join(""));
  return box && Object.fromEntries([...box.querySelectorAll("input")].map((f) => [f.name, f.value.trim()]));
}
const words = (text) => text.split(/[,，、]/).map((x) => x.trim()).filter(Boolean);
const shuffleTags = (id, step) => {
  const group = groups.find((g) => g.tags.some((x) => x.id === id));
  const ids = moved(group.tags, id, step);
  return ids && act("admin_tag_shuffle", { group_id: group.id, ids });
};
const shuffleGroups = (id, step) => {
  const ids = moved(groups, id, step);
  return ids && act("admin_tag_shuffle", { corpid: corp(), ids });
};
const DO = {
  async group_new() {
    const f = await form(T.new_group, [["group", T.group_name], ["names", T.tag_names]]);
    return f && act("admin_tag_create", { corpid: corp(), group_name: f.group, names: words(f.names) });
  },
  async tag_new(id) {
    const f = await form(T.add_tag, [["names", T.tag_names]]);
    return f && act("admin_tag_create", { corpid: corp(), group_name: groups.find((g) => g.id === id).name, names: words(f.names) });
  },
  async rename(id, data) {
    const f = await form(T.rename, [["name", T.new_name, data.name]]);
    return f && f.name !== data.name && act("admin_tag_rename", { id, name: f.name });
  },
  async delete(id) {
    return (await dialog(T.delete, T.delete_tag_question)) && act("admin_tag_delete", { id });
  },
  tag_up: (id) => shuffleTags(id, -1),
  tag_down: (id) => shuffleTags(id, 1),
  group_up: (id) => shuffleGroups(id, -1),
  group_down: (id) => shuffleGroups(id, 1),
};
$("#tab-tags").addEventListener("click", async (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const result = await DO[button.dataset.do](button.dataset.id, button.dataset);
  if (result) toast(result.ok ? T.saved : result.error || T.failed);
  await drawTags();
});
// --- faults
async function drawFaults() {
  const { faults } = await ask("GET", "/sandbox/faults");
  keep($("#faults"), faults.length ? `<table>${faults.map((f, n) => `<tr><td>${esc(T["platform_" + f.platform] || f.platform)}</td><td>${esc(T["fault_" + f.what])}</td><td class="mono">${esc(JSON.stringify(f))}</td><td><button class="bare" data-drop="${n}">${T.delete}</button></td></tr>`).join("")}</table><p><button id="clear">${T.fault_clear}</button></p>` : `<span class="soft">${T.faults_none}</span>`);
}
$("#faults").addEventListener("click", async (event) => {
  const { faults } = await ask("GET", "/sandbox/faults");
  const drop = event.target.dataset.drop;
  if (event.target.id !== "clear" && drop === undefined) return;
  await ask("PUT", "/sandbox/faults", { faults: drop === undefined ? [] : faults.filter((_, n) => n !== Number(drop)) });
  await drawFaults();
});
function fitFaultForm() {
  const calls = $("#fault").elements.platform.value !== "callbacks";
  for (const node of document.querySelectorAll("#fault [data-for]")) node.hidden = (node.dataset.for === "calls") !== calls;
  const what = $("#fault").elements.what;
  if (what.selectedOptions[0].hidden) what.value = calls ? "error" : "duplicate";
}
$("#fault").addEventListener("change", fitFaultForm);
$("#fault").addEventListener("submit", async (event) => {
  event.preventDefault();
  const f = event.target.elements;
  const fault = { platform: f.platform.value, what: f.what.value, rate: Number(f.rate.value) };
  if (fault.platform !== "callbacks") fault.api = f.api.value.trim() || "*";
  if (f.count.value) fault.count = Number(f.count.value);
  if (fault.what === "error") fault.errcode = Number(f.errcode.value);
  if (["latency", "delay", "reorder"].includes(fault.what)) fault.ms = Number(f.ms.value);
  const { faults } = await ask("GET", "/sandbox/faults");
  const result = await ask("PUT", "/sandbox/faults", { faults: [...faults, fault] });
  toast(result.ok ? T.saved : result.error);
  await drawFaults();
});
// --- switches
async function drawSwitches() {
  const { switches } = await ask("GET", "/sandbox/switches");
  $("#switches").innerHTML = Object.entries(switches).map(([name, s]) => `<tr class="${JSON.stringify(s.value) === JSON.stringify(s.default) ? "" : "changed"}"><td><span class="mono">${esc(name)}</span><br><span class="soft">${esc(s.description)}</span></td>
    <td style="white-space:nowrap"><input type="text" value="${esc(JSON.stringify(s.value))}"> <button data-switch="${esc(name)}">${T.switch_save}</button></td><td class="mono">${esc(JSON.stringify(s.default))}</td></tr>`).join("");
}
$("#switches").addEventListener("click", async (event) => {
  const name = event.target.dataset.switch;
  if (!name) return;
  const text = $("input", event.target.parentNode).value;
  let value = text;
  try { value = JSON.parse(text); } catch { /* a bare word is taken as text */ }
  const result = await ask("PUT", "/sandbox/switches", { [name]: value });
  toast(result.ok ? T.saved : result.error);
  await drawSwitches();
});
// --- logs
async function drawCalls() {
  const { calls } = await ask("GET", `/sandbox/calls?last=100`);
  keep($("#calls"), calls.slice(-100).reverse().map((c) => `<tr><td>${hms(c.at)}</td><td class="mono">${esc(c.api)}</td><td><span class="badge ${c.errcode ? "bad" : "ok"}">${c.errcode}</span></td><td>${c.ms} ms</td><td class="mono">${esc(JSON.stringify(c.body)).slice(0, 400)}</td></tr>`).join("") || `<tr><td class="soft">${T.none}</td></tr>`);
}
async function drawDeliveries() {
  const { deliveries } = await ask("GET", "/sandbox/deliveries?last=100");
  keep($("#deliveries"), deliveries.slice(-100).reverse().map((d) => `<tr><td>${hms(d.at)}</td><td class="mono">${esc(d.event)}</td><td>${d.try}</td><td><span class="badge ${d.ok ? "ok" : "bad"}">${esc(d.status ?? why(d.error))}</span></td><td>${d.ms ?? ""} ms</td><td class="mono">${esc(d.content)}</td></tr>`).join("") || `<tr><td class="soft">${T.none}</td></tr>`);
}
$("#reset").addEventListener("click", async () => {
  if (await dialog(T.reset, T.reset_question)) { await ask("POST", "/sandbox/reset", {}); location.reload(); }
});
const DRAW = { tags: drawTags, faults: drawFaults, calls: drawCalls, deliveries: drawDeliveries };
window.addEventListener("hashchange", show);
$("#corp").addEventListener("change", drawTags);
fitFaultForm();
show();
poll(async () => { if (DRAW[tab]) await DRAW[tab](); });
