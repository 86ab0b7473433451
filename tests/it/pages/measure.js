// What is wrong with the page as it is shown now, as a list of sentences. Runs as a function's body; asks the browser alone.
const problems = [];
const told = (text) => JSON.stringify(text.trim().replace(/\s+/g, " ").slice(0, 60));
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) problems.push(`is ${root.scrollWidth} px wide in a window of ${root.clientWidth}`);
const foreign = document.querySelectorAll("script, iframe, object, embed, img, link, form, base, [onload], [onclick], [onerror]");
for (const element of foreign) problems.push(`holds <${element.tagName.toLowerCase()}>`);
for (const link of document.querySelectorAll("[href]")) {
  const target = link.getAttribute("href");
  if (!target.startsWith("#")) problems.push(`leads to ${told(target)}`);
  else if (!document.getElementById(target.slice(1))) problems.push(`leads to ${target}, which is not there`);
}

// WCAG 2.1: relative luminance and contrast; 4.5 is level AA of text of this size.
const LEAST = 4.5;
const SMALLEST = 9;
const parsed = (colour) => {
  const numbers = (colour.match(/[\d.]+/g) || []).map(Number);
  return colour.startsWith("rgb") ? { r: numbers[0], g: numbers[1], b: numbers[2], a: numbers[3] ?? 1 } : null;
};
const over = (top, bottom) => {
  const mix = (channel) => top[channel] * top.a + bottom[channel] * (1 - top.a);
  return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
};
const luminance = ({ r, g, b }) => {
  const [x, y, z] = [r, g, b].map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const contrast = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const isDrawing = (element) => element instanceof SVGElement && !(element instanceof SVGSVGElement);
const isText = (element) => element instanceof SVGTextContentElement;
const faded = (element) => {
  let all = 1;
  for (let at = element; at; at = at.parentElement) all *= Number(getComputedStyle(at).opacity);
  return all;
};
// What an element paints where nothing is written.
const painted = (element) => {
  const style = getComputedStyle(element);
  const colour = parsed(isDrawing(element) ? style.fill : style.backgroundColor);
  return colour && { ...colour, a: colour.a * faded(element) };
};
// What is beneath everything: white, or the browser's black where the page itself says that it knows dark schemes.
const isDark = matchMedia("(prefers-color-scheme: dark)").matches && getComputedStyle(root).colorScheme.includes("dark");
const canvas = isDark ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
const beneath = (x, y, own) => {
  const stack = document.elementsFromPoint(x, y).filter((element) => !isText(element) && element !== own.closest("text"));
  return { stack, colour: stack.map(painted).filter(Boolean).reverse().reduce((below, colour) => over(colour, below), canvas) };
};

const written = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || element.closest("style, title")) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const boxes = [...range.getClientRects()].filter((box) => box.width > 1 && box.height > 1);
  if (boxes.length) written.push({ text: node.data, element, boxes });
}
if (written.length < 10) problems.push("says hardly anything");

// Text of one kind is looked at some times and no more: what lies beneath costs as much to ask as all the rest.
const ENOUGH = 12;
const asked = new Map();
const isNew = (element) => {
  let kind = "";
  for (let at = element; at; at = at.parentElement) kind += `${at.tagName}.${at.getAttribute("class") || ""} `;
  asked.set(kind, (asked.get(kind) || 0) + 1);
  return isDrawing(element) || asked.get(kind) <= ENOUGH;
};

for (const { text, element, boxes } of written) {
  const style = getComputedStyle(element);
  const inPicture = isDrawing(element);
  const colour = parsed(inPicture ? style.fill : style.color);
  const picture = element.closest("svg");
  const scale = inPicture ? picture.getScreenCTM().a : 1;
  const size = parseFloat(style.fontSize) * scale;
  if (size < SMALLEST) problems.push(`${told(text)} is written in ${size.toFixed(1)} px`);
  const scroller = element.closest(".picture");
  for (const box of boxes) {
    const end = scroller ? scroller.getBoundingClientRect().left + scroller.scrollWidth : root.clientWidth;
    if (box.left < -1 || box.right > end + 1) problems.push(`${told(text)} is cut at the edge`);
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    if (x < 0 || x >= root.clientWidth || !isNew(element)) continue;
    const { stack, colour: ground } = beneath(x, y, element);
    // A text with an edge of its own, painted first, stands on that.
    const edge = inPicture && style.paintOrder.startsWith("stroke") && parseFloat(style.strokeWidth) >= 3 ? parsed(style.stroke) : null;
    const below = edge ? over(edge, ground) : ground;
    const ratio = contrast(over({ ...colour, a: colour.a * faded(element) }, below), below);
    if (ratio < LEAST) problems.push(`${told(text)} has a contrast of ${ratio.toFixed(2)}`);
    if (inPicture && !edge && stack.some((one) => one.tagName === "line")) problems.push(`a line runs through ${told(text)}`);
  }
  for (let at = element; at && !inPicture; at = at.parentElement) {
    const hidden = ["hidden", "clip"].includes(getComputedStyle(at).overflowX);
    if (hidden && at.scrollWidth > at.clientWidth + 1) problems.push(`${told(text)} is cut by <${at.tagName.toLowerCase()}>`);
  }
  if (inPicture) {
    const whole = picture.getBoundingClientRect();
    const box = element.getBoundingClientRect();
    if (box.right > whole.right + 1 || box.bottom > whole.bottom + 1 || box.left < whole.left - 1 || box.top < whole.top - 1)
      problems.push(`${told(text)} leaves its picture`);
    // What begins within a box ends there.
    for (const place of picture.querySelectorAll("rect.place")) {
      const frame = place.getBoundingClientRect();
      const starts = box.left >= frame.left && box.left < frame.right && box.top >= frame.top - 2 && box.top < frame.bottom - 4;
      if (starts && (box.right > frame.right || box.bottom > frame.bottom + 1)) problems.push(`${told(text)} leaves its box`);
    }
  }
}

// Nothing is written over anything else.
const lines = written.flatMap(({ text, boxes }) => boxes.map((box) => ({ text, box })));
const covers = (one, other) => {
  const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return wide > 2 && high > Math.min(one.height, other.height) * 0.4;
};
lines.sort((one, other) => one.box.top - other.box.top);
for (const [index, one] of lines.entries()) {
  for (let next = index + 1; next < lines.length && lines[next].box.top < one.box.bottom; next += 1) {
    if (lines[next].text !== one.text && covers(one.box, lines[next].box)) problems.push(`${told(lines[next].text)} is written over ${told(one.text)}`);
  }
}
return [...new Set(problems)];
