// What the widgets share: elements, controls with labels, and the theme's colors.
import style from "./style.css";

export function element(tag, properties = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const button = (words, onclick) =>
  element("button", { type: "button", textContent: words, onclick });

export const picture = (size, words) =>
  element("canvas", { width: size, height: size, role: "img", "aria-label": words });

// A labeled control; the label is what a screen reader says when the control has the focus.
function labeled(words, control, extra = []) {
  const label = element("label", { className: "interactive-label" }, [words, ...extra]);
  const field = element("div", { className: "interactive-field" }, [label, control]);
  label.htmlFor = control.id = `interactive-${(labeled.count += 1)}`;
  return field;
}
labeled.count = 0;

export function choice(words, options, onchange) {
  const control = element("select", { onchange: () => onchange(control.value) });
  for (const [value, text] of options) control.append(element("option", { value, textContent: text }));
  return { control, field: labeled(words, control) };
}

// A slider; `say` turns its number into the words that are shown and read out.
export function slider(words, { min, max, step, value, say }, oninput) {
  const shown = element("output");
  const control = element("input", { type: "range", min, max, step, value });
  const tell = () => {
    shown.textContent = say(control.valueAsNumber);
    control.setAttribute("aria-valuetext", shown.textContent);
  };
  control.addEventListener("input", () => {
    tell();
    oninput(control.valueAsNumber);
  });
  tell();
  const move = (number) => {
    control.valueAsNumber = number;
    tell();
  };
  return { control, move, field: labeled(words, control, [shown]) };
}

// Puts the widget in the place of its cover: the still image and the button.
export function install(root, children) {
  if (!document.getElementById("interactive-style")) {
    document.head.append(element("style", { id: "interactive-style", textContent: style }));
  }
  const body = element("div", { className: "interactive-body" }, children);
  root.querySelector(".interactive-cover").replaceWith(body);
  return body;
}

// Reads colors from the style sheet, where they follow the theme, as [red, green, blue].
export function color(root, name) {
  const value = getComputedStyle(root).getPropertyValue(name).trim();
  return [1, 3, 5].map((start) => parseInt(value.slice(start, start + 2), 16));
}

export const css = (root, name) => getComputedStyle(root).getPropertyValue(name).trim();

export function onThemeChange(action) {
  new MutationObserver(action).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
