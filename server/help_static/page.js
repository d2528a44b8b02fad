// The theme that the chat is in, a button to copy each example, and a list of pages that is
// closed on a phone. Without scripts the pages can be read all the same.

const chosen = localStorage.getItem("vite-ui-theme");
if (chosen === "dark" || chosen === "light") {
  document.documentElement.classList.add(chosen);
}

function copyButton(words) {
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.textContent = words.copy;
  return button;
}

function addCopyButton(pre, words) {
  const frame = document.createElement("div");
  frame.className = "code";
  pre.replaceWith(frame);
  const button = copyButton(words);
  frame.append(pre, button);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent.trimEnd());
      button.textContent = words.copied;
    } catch {
      getSelection().selectAllChildren(pre);
    }
    setTimeout(() => (button.textContent = words.copy), 2000);
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const words = document.body.dataset;
  for (const pre of document.querySelectorAll("main pre")) {
    addCopyButton(pre, words);
  }
  const pages = document.querySelector(".pages");
  if (pages && matchMedia("(max-width: 56rem)").matches) {
    pages.open = false;
  }
});
