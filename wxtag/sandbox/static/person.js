// What a person does; the result and the callbacks that came of it.
"use strict";
const page = $("main");
const me = page.dataset.person;
let known = null;
for (const node of document.querySelectorAll("[data-avatar]")) node.style.background = colour(node.dataset.avatar);

function fields(button, form) {
  const body = { person: me };
  const part = button.closest(".part");
  const account = $("select[name=appid]", part);
  if (account) body.appid = account.value;
  const source = form || button.closest("form");
  for (const field of source ? source.querySelectorAll("input, select") : []) {
    if (field.name === "staff") [body.corpid, body.userid] = field.value.split("|");
    else if (field.name === "kind") body.events = [{ kind: field.value }];
    else if (field.name && field.name !== "appid") body[field.name] = field.value;
  }
  return body;
}
async function run(verb, button, form) {
  button.disabled = true;
  try {
    const result = await act(verb, fields(button, form));
    const title = `<span class="badge ${result.ok ? "ok" : "bad"}">${result.ok ? T.result_ok : T.failed}</span> ${esc(button.textContent)}`;
    const shown = result.ok ? result : { ...result };
    $(".result").classList.remove("soft");
    $(".result").innerHTML = `${title}${result.error ? `<p>${esc(result.error)}</p>` : ""}<pre>${esc(JSON.stringify(shown, null, 1))}</pre>`;
  } finally {
    button.disabled = false;
  }
  await read();
}
page.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-verb]");
  if (button) run(button.dataset.verb, button);
});
page.addEventListener("submit", (event) => {
  event.preventDefault();
  run(event.target.dataset.verb, $("button", event.target), event.target);
});
function drawDelivery(d) {
  const state = d.ok ? "ok" : "bad";
  const answer = d.status === null ? why(d.error || "") : `HTTP ${d.status}`;
  return `<details class="delivery" data-n="${d.n}"><summary><span class="line"><span class="badge ${state}">${esc(answer)}</span>
    <b>${esc(eventName(d.event))}</b><span class="soft small">${hms(d.at)}${d.try > 1 ? ` · ${d.try}` : ""}${d.ms === null ? "" : ` · ${d.ms} ms`}</span></span></summary>
    <div class="mono">${esc(d.event)}</div><div class="mono">${esc(d.content)}</div>${d.body ? `<div class="mono">${T.answer}：${esc(d.body)}</div>` : ""}</details>`;
}
async function read() {
  if (!known) {
    const { people } = await ask("GET", "/sandbox/people");
    const mine = people.find((p) => p.id === me);
    known = [...Object.values(mine.openids), ...Object.values(mine.external_userids)];
  }
  const { deliveries } = await ask("GET", "/sandbox/deliveries");
  const rows = deliveries.filter((d) => known.some((id) => d.content.includes(id))).slice(-12).reverse();
  const html = rows.map(drawDelivery).join("") || `<span class="soft small">${T.callbacks_none}</span>`;
  const box = $(".callbacks");
  if (box.dataset.html !== html) {
    const open = [...box.querySelectorAll("details[open]")].map((node) => node.dataset.n);
    box.innerHTML = html;
    box.dataset.html = html;
    for (const n of open) { const node = $(`details[data-n="${n}"]`, box); if (node) node.open = true; }
  }
  const state = await ask("GET", `/sandbox/state/${encodeURIComponent(me)}`);
  const words = { official_account: [T.following_no, T.following_yes], mini_program: [T.logged_out, T.logged_in] };
  $(".state").innerHTML = state.accounts.map((a) =>
    `<span class="badge ${a.on ? "ok" : ""}">${esc(a.name)} ${words[a.kind][Number(a.on)]}</span>`).join(" ");
  $("#inbox").hidden = !state.inbox.length;
  $("#inbox div").innerHTML = state.inbox.reverse().map((m) => `<p class="message"><span class="soft small">${esc(m.from)} · ${hms(m.at)}</span><br>${
    esc(m.content.content || JSON.stringify(m.content))}</p>`).join("");
  $(".friends").textContent = state.friends.length ? say("friends_of", state.friends.join("、")) : "";
}
poll(read);
