// The client of a member: reads the view every 1.5 s and draws what changed.
"use strict";
const root = $(".client");
const { corp, user } = root.dataset;
let view = null;
let chosen = location.hash.slice(1) || null;
let drawn = "";
const seen = {};

function way(number) {
  return T[`way_${number}`] || say("way_other", number);
}
function label(c) {
  return c.remark || c.name;
}
function drawList() {
  const word = $(".find input").value.trim();
  const rows = view.customers.filter((c) => !word || (c.name + c.remark).includes(word));
  $(".count").textContent = view.customers.length;
  $(".customers").innerHTML = rows.map((c) => `
    <button class="customer ${c.person === chosen ? "here" : ""}" data-person="${esc(c.person)}">
      ${avatar(c.name)}
      <span class="line"><span class="name">${esc(label(c))}<span class="wx">${T.at_wechat}</span></span>
      <span class="tags" style="display:block">${c.tags.map((g) => esc(g.name)).join(" · ")}</span></span>
    </button>`).join("") || `<div class="empty small">${T.no_customers}<br><span class="small">${T.no_customers_hint}</span></div>`;
}
function fact(name, html) {
  return `<div class="fact"><span>${name}</span><span>${html}</span></div>`;
}
function chips(c, tags) {
  return tags.map((g) => {
    const key = `${c.person}|${g.type}|${g.id || g.name}`;
    const fresh = seen[c.person] && !(key in seen);
    seen[key] = true;
    const by = g.by === "app" ? T.by_app : T.by_staff;
    return `<span class="chip ${g.type === 2 ? "personal" : ""} ${fresh ? "fresh" : ""}" title="${by}">${esc(g.name)}</span>`;
  }).join("");
}
function drawCard() {
  const c = view.customers.find((x) => x.person === chosen);
  if (!c) {
    $(".sheet").innerHTML = `<div class="empty">${view.customers.length ? T.choose_customer : T.no_customers_hint}</div>`;
    return;
  }
  const groups = [];
  for (const g of c.tags.filter((x) => x.type !== 2)) {
    let found = groups.find((x) => x.name === g.group);
    if (!found) groups.push((found = { name: g.group, tags: [] }));
    found.tags.push(g);
  }
  const personal = c.tags.filter((x) => x.type === 2);
  const notice = { half: T.status_half, deleted_by_customer: T.status_deleted }[c.status];
  $(".sheet").innerHTML = `<div class="profile">
    <div class="who">${avatar(c.name)}<div>
      <h1>${esc(label(c))}<span class="wx">${T.at_wechat}</span></h1>
      ${c.remark ? `<div class="soft">${T.name}：${esc(c.name)}</div>` : ""}</div></div>
    ${notice ? `<div class="notice">${notice}</div>` : ""}
    <div class="facts">
      ${fact(T.remark, esc(c.remark) || `<span class="soft">${T.none}</span>`)}
      ${c.description ? fact(T.description, esc(c.description)) : ""}
      ${c.mobiles.length ? fact(T.phone, esc(c.mobiles.join("、"))) : ""}
      ${fact(T.source, esc(way(c.add_way)))}
      ${c.state ? fact(T.channel_state, esc(c.state)) : ""}
      ${fact(T.added_at, clock(c.add_time))}
    </div>
    <div class="block"><h2>${T.corp_tags}</h2>
      ${groups.map((g) => fact(esc(g.name), chips(c, g.tags))).join("") || `<div class="soft small">${T.no_tags}</div>`}</div>
    <div class="block"><h2>${T.personal_tags}<button class="bare" data-do="personal">${T.personal_new}</button></h2>
      ${chips(c, personal) || `<div class="soft small">${T.none}</div>`}</div>
    <div class="acts"><button data-do="tags">${T.put_tags}</button><button data-do="remark">${T.edit_remark}</button>
      <button class="danger" data-do="delete">${T.delete_customer}</button></div></div>`;
  seen[c.person] = true;
}
async function read() {
  view = await ask("GET", `/sandbox/view/${corp}/${user}`);
  if (!chosen && view.customers.length) chosen = view.customers[0].person;
  const now = JSON.stringify(view.customers) + chosen;
  if (now === drawn) return;
  drawn = now;
  drawList();
  drawCard();
}
const DO = {
  async tags(c) {
    const { groups } = await ask("GET", `/sandbox/library/${corp}`);
    const has = new Set(c.tags.map((g) => g.id));
    const html = groups.map((g) => `<div class="pickgroup"><div>${esc(g.name)}</div>${g.tags.map((x) => `
      <label class="pick"><input type="checkbox" value="${esc(x.id)}" ${has.has(x.id) ? "checked" : ""}><span>${esc(x.name)}</span></label>`).join("")}</div>`).join("");
    const box = await dialog(T.put_tags, html || T.empty_library, T.confirm);
    if (!box) return null;
    const fields = [...box.querySelectorAll("input")];
    return act("edit_contact", {
      ...pair(c),
      add_tags: fields.filter((f) => f.checked && !has.has(f.value)).map((f) => f.value),
      remove_tags: fields.filter((f) => !f.checked && has.has(f.value)).map((f) => f.value),
    });
  },
  async personal(c) {
    const box = await dialog(T.personal_new, `<input type="text" class="wide" maxlength="15">`);
    const name = box && $("input", box).value.trim();
    return name ? act("edit_contact", { ...pair(c), add_personal: [name] }) : null;
  },
  async remark(c) {
    const box = await dialog(T.edit_remark, `<p class="soft small">${T.remark_question}</p><input type="text" class="wide" maxlength="20" value="${esc(c.remark)}">`);
    return box ? act("edit_contact", { ...pair(c), remark: $("input", box).value.trim() }) : null;
  },
  async delete(c) {
    const box = await dialog(T.delete_customer, T.delete_question);
    if (box) chosen = null;
    return box ? act("staff_delete", pair(c)) : null;
  },
};
function pair(c) {
  return { corpid: corp, userid: user, person: c.person };
}
root.addEventListener("click", async (event) => {
  const row = event.target.closest(".customer");
  const job = event.target.closest("[data-do]");
  if (row) {
    chosen = row.dataset.person;
    location.hash = chosen;
    await read();
  } else if (job) {
    const result = await DO[job.dataset.do](view.customers.find((x) => x.person === chosen));
    if (result) toast(result.ok ? T.saved : result.error || T.failed);
    await read();
  }
});
$(".find input").addEventListener("input", drawList);
poll(read);
