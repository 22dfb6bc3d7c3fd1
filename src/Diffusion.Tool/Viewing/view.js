// Replaces the content of the page when its runs have changed. All HTML comes from the server, which encodes every name.
const { run, version } = document.currentScript.dataset;
const state = "/state?run=" + encodeURIComponent(run);
let shown = version; // what the server knew before it made the page

async function get(address) {
  const response = await fetch(address, { cache: "no-store" });
  if (!response.ok) {
    throw new Error(response.statusText);
  }

  return response.text();
}

async function update() {
  try {
    const now = await get(state);
    if (now !== shown) {
      const page = new DOMParser().parseFromString(await get(location.href), "text/html");
      const open = [...document.querySelectorAll("details")].map(one => one.open);
      document.body.replaceWith(page.body);
      document.querySelectorAll("details").forEach((one, i) => { one.open = open[i] ?? false; });
    }
    shown = now;
  } catch {
    // The server has ended, or the run is gone: the page stays, and a later call finds them again.
  }
  setTimeout(update, 2000);
}

update();
