// Loads each part that has data-live again while the page is visible, and changes only what differs: focus, open boxes
// and pictures stay. Without this script the page reloads itself.
"use strict";

// Seconds between two requests that fail, at most; and seconds to wait for an answer.
const LONGEST_REST = 5;
const PATIENCE = 3;

function sameKind(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName &&
    (old.id || "") === (fresh.id || "");
}

function changeAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function change(old, fresh) {
  const olds = [...old.childNodes];
  const news = [...fresh.childNodes];
  news.forEach((node, place) => {
    const former = olds[place];
    if (!former) {
      old.append(node);
    } else if (!sameKind(former, node)) {
      former.replaceWith(node);
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      // A part inside of another one changes by itself.
      if (former.dataset.live) return;
      changeAttributes(former, node);
      change(former, node);
    } else if (former.nodeValue !== node.nodeValue) {
      former.nodeValue = node.nodeValue;
    }
  });
  olds.slice(news.length).forEach((node) => node.remove());
}

async function load(part) {
  const patience = 1000 * (part.dataset.patience || PATIENCE);
  const answer = await fetch(part.dataset.live, {
    headers: { "X-Requested-With": "console" }, signal: AbortSignal.timeout(patience),
  });
  if (answer.status === 401 || answer.status === 403) {
    location.reload();
    return;
  }
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  change(part, page.body);
}

// What was green a moment ago may be untrue by now. The next answer brings the verdict back.
function doubt(part, since) {
  part.classList.add("stale");
  const verdict = part.querySelector(".verdict");
  const text = `No answer since ${new Date(since).toISOString().slice(11, 19)}. All below is as it was then.`;
  if (verdict && verdict.textContent !== text) {
    verdict.className = "verdict unknown";
    verdict.textContent = text;
  }
}

function follow(part) {
  // A parsed answer has no blank text before its first element: with it here each node would be compared with another.
  if (part.firstChild?.nodeType === Node.TEXT_NODE) part.firstChild.remove();
  const seconds = Number(part.dataset.seconds);
  let since = Date.now();
  let rest = seconds;
  let timer = null;
  async function next() {
    timer = null;
    if (!document.hidden) {
      try {
        await load(part);
        since = Date.now();
        rest = seconds;
        part.classList.remove("stale");
      } catch {
        rest = Math.min(LONGEST_REST, rest * 2);
        doubt(part, since);
      }
    }
    timer = setTimeout(next, 1000 * rest);
  }
  timer = setTimeout(next, 1000 * rest);
  // A page that was hidden, or a machine that slept, has missed answers.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !timer) return;
    if (Date.now() - since > 1000 * (seconds + PATIENCE)) doubt(part, since);
    clearTimeout(timer);
    next();
  });
}

document.querySelectorAll("[data-live]").forEach(follow);
