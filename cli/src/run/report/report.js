for (const bar of document.querySelectorAll("a.bar")) {
  bar.addEventListener("click", () => {
    const log = document.getElementById(bar.hash.slice(1));
    if (log) log.open = true;
  });
}
if (location.hash) {
  const log = document.getElementById(location.hash.slice(1));
  if (log && "open" in log) log.open = true;
}
