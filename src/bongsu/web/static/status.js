// Reads the page again every five seconds and puts the new content in place, so that nobody loses their scroll position.
// While the server is away the page says so instead of showing old figures as if they were new.
const main = document.getElementById("main");

async function refresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.replaceChildren(...page.getElementById("main").childNodes);
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away");
  }
}

setInterval(() => { if (!document.hidden) refresh(); }, 5000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
