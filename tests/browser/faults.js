() => {
  // https://www.w3.org/TR/WCAG22/#contrast-minimum, and what else a page must not do.
  const faults = new Set();
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const channel = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const light = ({ r, g, b }) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const apart = (one, other) => {
    const [more, less] = [light(one), light(other)].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const back = parse(getComputedStyle(each).backgroundColor);
      if (back.a === 1) return back;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const said = walker.currentNode.textContent.trim();
    if (!said || element.closest("svg, :disabled") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ratio = apart(parse(style.color), behind(element));
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) faults.add(`contrast ${ratio.toFixed(2)}: ${said.slice(0, 40)}`);
  }
  // https://www.w3.org/TR/WCAG22/#non-text-contrast
  for (const bar of document.querySelectorAll("svg.chart rect")) {
    const ratio = apart(parse(getComputedStyle(bar).fill), behind(bar.closest("svg")));
    if (ratio < 3) faults.add(`contrast ${ratio.toFixed(2)}: the bars of what was ${bar.className.baseVal}`);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden], [type=checkbox]), select, textarea")) {
    const ratio = apart(parse(getComputedStyle(field).borderTopColor), behind(field.parentElement));
    if (field.checkVisibility() && ratio < 3) faults.add(`contrast ${ratio.toFixed(2)}: the edge of ${field.id}`);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea, progress")) {
    const named = field.labels?.length || field.getAttribute("aria-label");
    if (!named) faults.add(`no label: ${field.outerHTML.slice(0, 80)}`);
  }
  for (const each of document.querySelectorAll("a, button")) {
    if (each.checkVisibility() && !each.textContent.trim() && !each.getAttribute("aria-label")) {
      faults.add(`no name: ${each.outerHTML.slice(0, 80)}`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.add(`two of #${id}`);
  if (document.querySelectorAll("h1").length !== 1) faults.add("not one h1");
  const wide = document.documentElement.scrollWidth - screen.width;
  if (wide > 0) faults.add(`${wide}px wider than the window`);
  for (const table of document.querySelectorAll("table, pre, .facts")) {
    const around = table.parentElement.closest(".card, main, td, dd, li");
    const out = table.getBoundingClientRect().right - around.getBoundingClientRect().right;
    if (out > 1 && !table.closest(".scroll")) faults.add(`${out}px out of its box: ${table.innerText.slice(0, 40)}`);
  }
  return [...faults];
}
