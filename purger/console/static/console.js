// Loads each part that has data-live again while the page is visible, and changes only what differs: focus, open boxes
// and pictures stay. Without this script the page reloads itself.
"use strict";

const LONGEST_REST = 30;

function sameKind(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName &&
    (old.id || "") === (fresh.id || "");
}

function changeAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
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
      changeAttributes(former, node);
      // A part inside of another one changes by itself.
      if (!former.dataset.live) change(former, node);
    } else if (former.nodeValue !== node.nodeValue) {
      former.nodeValue = node.nodeValue;
    }
  });
  olds.slice(news.length).forEach((node) => node.remove());
}

async function load(part) {
  const answer = await fetch(part.dataset.live, { headers: { "X-Requested-With": "console" } });
  if (answer.status === 401 || answer.status === 403) {
    location.reload();
    return;
  }
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  change(part, page.body);
}

function follow(part) {
  const seconds = Number(part.dataset.seconds);
  let rest = seconds;
  async function next() {
    if (!document.hidden) {
      try {
        await load(part);
        rest = seconds;
        part.classList.remove("stale");
      } catch {
        // The purger may be restarting: what is shown is no longer true, and looks so.
        rest = Math.min(LONGEST_REST, rest * 2);
        part.classList.add("stale");
      }
    }
    setTimeout(next, 1000 * rest);
  }
  setTimeout(next, 1000 * rest);
}

document.querySelectorAll("[data-live]").forEach(follow);
