// Reads {"grammar": path, "files": {name: text}} from stdin; writes {name: [[start, end, [scopes]], …] per line}.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const modules = path.join(process.argv[2], 'node_modules');
const oniguruma = require(path.join(modules, 'vscode-oniguruma'));
const textmate = require(path.join(modules, 'vscode-textmate'));

async function main() {
  const asked = JSON.parse(fs.readFileSync(0, 'utf8'));
  await oniguruma.loadWASM(fs.readFileSync(path.join(modules, 'vscode-oniguruma', 'release', 'onig.wasm')).buffer);
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(asked.grammar, 'utf8'), asked.grammar),
  });
  const grammar = await registry.loadGrammar('source.opord');
  const answer = {};
  for (const [name, text] of Object.entries(asked.files)) {
    let stack = textmate.INITIAL;
    answer[name] = text.split('\n').map((line) => {
      const read = grammar.tokenizeLine(line, stack);
      stack = read.ruleStack;
      return read.tokens.map((token) => [token.startIndex, token.endIndex, token.scopes]);
    });
  }
  process.stdout.write(JSON.stringify(answer));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
