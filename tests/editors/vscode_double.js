// Runs the extension against a stand-in for the editor; writes what it did as JSON.
'use strict';

const Module = require('node:module');
const path = require('node:path');

const told = { requests: [], posted: [], revealed: [], errors: [], started: [], commands: [], html: '', executed: [] };
const commands = {};
const listeners = { change: [], panel: undefined, dispose: undefined };
const answers = { 'opord/diagram': { content: '<svg/>' }, 'opord/explain': { markdown: '# Sheet' } };
let provider;

const disposable = { dispose() {} };
const uri = (text) => ({ path: text.replace(/^\w+:(\/\/)?/, ''), fsPath: text, toString: () => text });
const contract = { languageId: 'opord', uri: uri('file:///shop/order.opord'), lineCount: 90 };
class EventEmitter {
  constructor() { this.event = () => disposable; }
  fire() {}
  dispose() {}
}
class Position { constructor(line, character) { Object.assign(this, { line, character }); } }
class Range { constructor(start, end) { Object.assign(this, { start, end }); } }

const panel = {
  title: '',
  webview: {
    asWebviewUri: (each) => each,
    set html(text) { told.html = text; },
    onDidReceiveMessage(listener) { listeners.panel = listener; },
    postMessage: async (message) => told.posted.push(message),
  },
  onDidDispose(listener) { listeners.dispose = listener; },
  dispose() {},
};

const vscode = {
  EventEmitter, Position, Range,
  ViewColumn: { One: 1, Beside: -2 },
  Uri: { parse: uri, from: ({ scheme, path: where, query }) => ({ ...uri(`${scheme}:${where}`), query }), joinPath: (base, ...rest) => uri([base.toString(), ...rest].join('/')) },
  commands: {
    registerCommand: (name, done) => { commands[name] = done; return disposable; },
    executeCommand: async (...given) => told.executed.push(given[0]),
  },
  workspace: {
    workspaceFolders: [{ uri: uri('/shop') }],
    getConfiguration: () => ({ get: (name, otherwise) => (name === 'path' ? '${workspaceFolder}/.venv/bin/opord' : otherwise) }),
    onDidChangeConfiguration: () => disposable,
    onDidChangeTextDocument: (listener) => { listeners.change.push(listener); return disposable; },
    registerTextDocumentContentProvider: (_, given) => { provider = given; return disposable; },
  },
  window: {
    activeTextEditor: { document: contract },
    visibleTextEditors: [],
    createWebviewPanel: () => panel,
    onDidChangeActiveTextEditor: () => disposable,
    showTextDocument: async (_, { selection }) => told.revealed.push(selection.start.line),
    showErrorMessage: async (text) => { told.errors.push(text); },
    showInformationMessage: async () => undefined,
  },
};

class LanguageClient {
  constructor(_id, _name, server) { told.started.push([server.command, ...server.args]); }
  async start() { if (process.argv[3] === 'missing') throw new Error('spawn ENOENT'); }
  async stop() {}
  async sendRequest(method, params) {
    told.requests.push([method, params.textDocument.uri]);
    if (answers[method] === undefined) throw new Error('the contract cannot be explained: it has 1 error');
    return answers[method];
  }
}

// Pauses are over when the test says so.
const pauses = new Map();
global.setTimeout = (done) => { pauses.set(done, done); return done; };
global.clearTimeout = (done) => pauses.delete(done);
const passPauses = async () => {
  for (const done of [...pauses.values()]) await done();
  pauses.clear();
};

const load = Module._load;
Module._load = (name, ...rest) => {
  if (name === 'vscode') return vscode;
  if (name === 'vscode-languageclient/node') return { LanguageClient };
  return load(name, ...rest);
};

async function main() {
  const extension = require(path.join(process.argv[2], 'src', 'extension.js'));
  await extension.activate({ subscriptions: [], extensionUri: uri('file:///extension') });
  await commands['opord.showDiagram']();
  const sheet = { query: contract.uri.toString() };
  await commands['opord.explain']();
  told.sheet = await provider.provideTextDocumentContent(sheet);
  delete answers['opord/explain'];
  told.refused = await provider.provideTextDocumentContent(sheet);
  for (const line of [42, 0, 91, '7', 1.5, undefined]) await listeners.panel({ line });
  listeners.change.forEach((listener) => listener({ document: contract }));
  listeners.change.forEach((listener) => listener({ document: contract }));
  await passPauses();
  told.commands = Object.keys(commands).sort();
  listeners.dispose();
  await extension.deactivate();
  process.stdout.write(JSON.stringify(told));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
