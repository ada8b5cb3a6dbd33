// On paper all that is folded is open, and the page is the light one; afterwards all is as it was.
(() => {
  let folded = [];
  let theme = null;

  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((details) => { details.open = true; });
    theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
  });

  window.addEventListener("afterprint", () => {
    folded.forEach((details) => { details.open = false; });
    if (theme) document.documentElement.dataset.theme = theme;
  });
})();
