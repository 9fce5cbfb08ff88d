"use strict";
// Makes each picture of a series a button that opens it large. Arrow keys go through the series, Escape closes.
(() => {
  const dialog = document.getElementById("large"), frame = dialog.querySelector(".frame");
  const [back, next, close] = dialog.querySelectorAll("button");
  let series = [], at = 0;
  function fit(picture) {
    // Whole multiples of pixels of the screen keep all pixels of the picture equally large.
    const [width, height] = ["width", "height"].map(side => Number(picture.getAttribute(side)));
    const beside = frame.offsetWidth - picture.offsetWidth, around = dialog.offsetHeight - picture.offsetHeight;
    const scale = Math.min((innerWidth * 0.94 - beside) / width, (innerHeight * 0.94 - around) / height);
    picture.style.width = Math.floor(width * (Math.floor(scale * devicePixelRatio) / devicePixelRatio || scale)) + "px";
  }
  function show(index) {
    at = Math.min(Math.max(index, 0), series.length - 1);
    const figure = series[at].closest("figure").cloneNode(true), picture = figure.querySelector("img");
    figure.querySelector("button").replaceWith(picture);
    figure.querySelector("figcaption").textContent = picture.alt;
    frame.replaceChildren(figure);
    [back.disabled, next.disabled] = [at === 0, at === series.length - 1];
    fit(picture);
  }
  for (const list of document.querySelectorAll(".pictures")) {
    const buttons = [...list.querySelectorAll("img")].map((picture, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "picture";
      button.setAttribute("aria-haspopup", "dialog");
      picture.replaceWith(button);
      button.append(picture);
      button.addEventListener("click", () => { series = buttons; dialog.showModal(); show(index); close.focus(); });
      return button;
    });
  }
  back.addEventListener("click", () => show(at - 1));
  next.addEventListener("click", () => show(at + 1));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { series[at].focus(); frame.replaceChildren(); });
  dialog.addEventListener("keydown", event => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: series.length - 1 };
    if (event.key in moves) { event.preventDefault(); show(moves[event.key]); }
  });
  addEventListener("resize", () => { if (dialog.open) show(at); });
})();
