'use strict';
// Runs in the diagram's page: shows what the extension sends, and says which line was clicked.

(() => {
  const editor = acquireVsCodeApi();
  const nonce = document.currentScript.nonce;
  const place = document.getElementById('diagram');
  const problem = document.getElementById('problem');

  window.addEventListener('message', ({ data }) => {
    if (typeof data.svg === 'string') {
      show(data.svg);
    } else if (typeof data.problem === 'string') {
      // The last drawing stays, pale: while a word is being typed the picture should not jump away.
      problem.textContent = data.problem;
      problem.hidden = false;
      place.classList.add('stale');
    }
  });

  /** @param {string} text */
  function show(text) {
    const svg = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
    if (svg.localName !== 'svg') {
      return;
    }
    svg.querySelectorAll('script, foreignObject').forEach((each) => each.remove());
    const drawn = document.importNode(svg, true);
    drawn.querySelectorAll('style').forEach((each) => each.setAttribute('nonce', nonce));
    drawn.querySelectorAll('[data-line]').forEach((each) => {
      each.setAttribute('tabindex', '0');
      each.setAttribute('role', 'link');
    });
    const { scrollX, scrollY } = window;
    place.replaceChildren(drawn);
    window.scrollTo(scrollX, scrollY);
    problem.hidden = true;
    place.classList.remove('stale');
    colour();
  }

  /** Let the diagram follow the editor's theme, which need not be that of the system. */
  function colour() {
    const dark = /\bvscode-(dark|high-contrast)\b(?!-light)/.test(document.body.className);
    for (const style of place.querySelectorAll('style')) {
      for (const rule of style.sheet?.cssRules ?? []) {
        if (rule instanceof CSSMediaRule) {
          rule.media.mediaText = dark ? 'all' : 'not all';
        }
      }
    }
  }

  new MutationObserver(colour).observe(document.body, { attributes: true, attributeFilter: ['class'] });

  place.addEventListener('click', reveal);
  place.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      reveal(event);
    }
  });

  /** @param {Event} event */
  function reveal(event) {
    const line = Number(event.target.closest('[data-line]')?.dataset.line);
    if (Number.isInteger(line)) {
      editor.postMessage({ line });
    }
  }

  editor.postMessage({ ready: true });
})();
