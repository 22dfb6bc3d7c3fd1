// Replaces the content of the page when its runs have changed. All HTML comes from the server, which encodes every name.
const run = document.currentScript.dataset.run;
const state = "/state?run=" + encodeURIComponent(run);
let shown = null;

async function update() {
  try {
    const version = await (await fetch(state, { cache: "no-store" })).text();
    if (shown !== null && version !== shown) {
      const page = new DOMParser().parseFromString(await (await fetch(location.href, { cache: "no-store" })).text(), "text/html");
      const open = [...document.querySelectorAll("details")].map(one => one.open);
      document.body.replaceWith(page.body);
      document.querySelectorAll("details").forEach((one, i) => { one.open = open[i] ?? false; });
    }
    shown = version;
  } catch {
    // The server has ended; a later call finds it again.
  }
  setTimeout(update, 2000);
}

update();
