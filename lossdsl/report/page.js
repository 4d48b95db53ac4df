"use strict";
// Sliders show other frames of the same picture.  Every curve was computed when the page was written: a frame holds
// whole numbers, two characters of base64 each, and they are drawn as they are.
(() => {
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const WIDTH = 4095, HEIGHT = 1360, MARGIN = 1360, NOT_DRAWN = 4095;
  const LEFT = 46, TOP = 8, ACROSS = 266, DOWN = 160;
  const SVG = "http://www.w3.org/2000/svg";

  function decoded(text) {
    const units = [];
    for (let k = 0; k < text.length; k += 2) {
      units.push(DIGITS.indexOf(text[k]) << 6 | DIGITS.indexOf(text[k + 1]));
    }
    return units;
  }

  function grid(cells) {
    return Array.from({ length: cells + 1 }, (_, k) => k * (WIDTH / cells));
  }

  function line(x, y, breaks) {
    let path = "", down = false;
    for (let k = 0; k < x.length; k++) {
      if (y[k] === NOT_DRAWN) {
        down = false;
        continue;
      }
      path += (down && !breaks.includes(k) ? "L" : "M") + x[k] + " " + y[k];
      down = true;
    }
    return path;
  }

  function dots(x, y, breaks) {
    return breaks.filter(k => breaks.includes(k + 1) && y[k] !== NOT_DRAWN).map(k => `M${x[k]} ${y[k]}h0`).join("");
  }

  // A curve that was moved to the margin is not drawn on another scale, where the margin may be inside.
  function moved(y, onto) {
    return y.map(u => u === NOT_DRAWN || u <= 0 || u >= HEIGHT + 2 * MARGIN
      ? NOT_DRAWN : Math.round(onto[0] * u + onto[1]));
  }

  function write(group, ticks, place) {
    group.replaceChildren(...ticks.map(([at, text]) => {
      const label = document.createElementNS(SVG, "text");
      const [x, y] = place(at);
      label.setAttribute("x", x);
      label.setAttribute("y", y);
      label.textContent = text;
      return label;
    }));
  }

  function draw(figure, number, data, frame, begun) {
    const [ticks, onto, curves] = frame.panels[number];
    const inner = figure.querySelector("svg > svg");
    write(figure.querySelector(".below"), frame.x, at => [(LEFT + at * ACROSS / WIDTH).toFixed(1), TOP + DOWN + 14]);
    write(figure.querySelector(".beside"), ticks,
      at => [LEFT - 5, (TOP + (at - MARGIN) * DOWN / HEIGHT + 4).toFixed(1)]);
    inner.querySelector(".grid").setAttribute("d",
      frame.x.map(([at]) => `M${at} ${MARGIN}v${HEIGHT}`).join("") + ticks.map(([at]) => `M0 ${at}h${WIDTH}`).join(""));
    const across = text => text ? decoded(text) : grid(data.cells);
    const lines = inner.querySelectorAll(".curve"), alone = inner.querySelectorAll(".dot");
    const before = inner.querySelectorAll(".begun");
    curves.forEach(([heights, breaks], k) => {
      const x = across(frame.at[k]), y = decoded(heights);
      lines[k].setAttribute("d", line(x, y, breaks));
      alone[k].setAttribute("d", dots(x, y, breaks));
      const [first, jumps] = begun.panels[number][2][k];
      const shown = frame !== begun && onto !== null;
      before[k].setAttribute("d", shown ? line(across(begun.at[k]), moved(decoded(first), onto), jumps) : "");
    });
  }

  function pictures(section) {
    const data = JSON.parse(section.querySelector("script").textContent);
    const inputs = [...section.querySelectorAll("input")], figures = [...section.querySelectorAll("figure")];
    const begun = data.frames[data.start.join()];

    function show() {
      inputs.forEach((input, k) => {
        const text = data.sliders[k][input.valueAsNumber];
        input.setAttribute("aria-valuetext", text);
        input.nextElementSibling.textContent = text;
      });
      const frame = data.frames[inputs.map(input => input.valueAsNumber).join()];
      section.querySelector(".undefined").hidden = frame !== undefined;
      section.querySelector(".panels").classList.toggle("off", frame === undefined);
      section.querySelector(".moved").hidden = frame === begun;
      if (frame !== undefined) figures.forEach((figure, k) => draw(figure, k, data, frame, begun));
    }

    function start(except) {
      inputs.forEach((input, k) => { if (input !== except) input.value = data.start[k]; });
    }

    inputs.forEach(input => input.addEventListener("input", () => {
      if (data.apart) start(input);
      show();
    }));
    section.querySelector(".moved button").addEventListener("click", () => {
      start(null);
      show();
      inputs[0].focus();
    });
    show();
  }

  function copied(button) {
    const code = button.parentElement.querySelector("pre");
    const done = () => { button.textContent = "copied"; };
    const otherwise = () => {
      getSelection().selectAllChildren(code);
      button.textContent = document.execCommand("copy") ? "copied" : "selected";
    };
    if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(done, otherwise);
    else otherwise();
  }

  document.documentElement.classList.add("live");
  document.querySelectorAll(".plots").forEach(section => { if (section.querySelector("script")) pictures(section); });
  document.querySelectorAll("button.copy").forEach(button => button.addEventListener("click", () => copied(button)));
})();
