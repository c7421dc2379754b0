// Renews the middle of the status page every 3 seconds, while somebody looks at it.
"use strict";

const middle = document.getElementById("status");
const stale = document.getElementById("stale");

async function renew() {
  if (document.hidden) return;
  try {
    const answer = await fetch(middle.dataset.source, { cache: "no-store" });
    if (answer.status === 403) {
      location.assign(middle.dataset.login);
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    middle.innerHTML = await answer.text();
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
}

async function forever() {
  await renew();
  setTimeout(forever, 3000);
}

setTimeout(forever, 3000);
