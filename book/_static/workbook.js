// What scrolls sideways can be scrolled with the keyboard too: it becomes a stop of the Tab key.
(() => {
  const BOXES = ".bd-article table, .wide-figure, div.math, .model-map, .cell_output .output";
  const mark = () => {
    for (const box of document.querySelectorAll(BOXES)) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else if (box.tabIndex === 0) box.removeAttribute("tabindex");
    }
  };
  const watch = new ResizeObserver(() => requestAnimationFrame(mark));
  watch.observe(document.documentElement);
  addEventListener("load", mark);
  mark();
})();
