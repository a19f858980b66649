'use strict';
// The page around the diagram. It may run one script, the extension's own, and fetch nothing.

const STYLE = `
body { margin: 0; padding: 8px; background: var(--vscode-editor-background); color: var(--vscode-editor-foreground); }
#problem { padding: 6px 10px; margin-bottom: 8px; border-left: 3px solid var(--vscode-editorWarning-foreground); }
#problem[hidden] { display: none; }
.stale svg { opacity: .45; }
svg { display: block; max-width: 100%; height: auto; }
[data-line] { cursor: pointer; }
[data-line]:focus-visible { outline: 2px solid var(--vscode-focusBorder); }
`;

/**
 * @param {string} script where the page's own script lies
 * @param {string} nonce a secret of this page: only what carries it is run or styles anything
 */
function page(script, nonce) {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Diagram</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<div id="problem" role="status" hidden></div>
<main id="diagram"></main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}

module.exports = { page };
