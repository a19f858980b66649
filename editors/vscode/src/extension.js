'use strict';
// The extension: it starts `opord lsp`, and adds a live diagram and the guarantee sheet.

const vscode = require('vscode');
const { Server } = require('./server');
const { Diagrams } = require('./diagram');
const { Sheets } = require('./sheet');

/** @type {Server | undefined} */
let server;

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  server = new Server(context);
  const diagrams = new Diagrams(server, context.extensionUri);
  const sheets = new Sheets(server);
  context.subscriptions.push(
    diagrams,
    sheets,
    vscode.commands.registerCommand('opord.showDiagram', () => withContract((document) => diagrams.show(document))),
    vscode.commands.registerCommand('opord.explain', () => withContract((document) => sheets.show(document))),
    vscode.commands.registerCommand('opord.restart', () => server?.restart()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('opord.path') || change.affectsConfiguration('opord.logFile')) {
        void server?.restart();
      }
    }),
  );
  await server.start();
}

async function deactivate() {
  await server?.stop();
}

/** @param {(document: vscode.TextDocument) => unknown} done what to do with the contract that is being edited */
function withContract(done) {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId === 'opord') {
    return done(document);
  }
  void vscode.window.showInformationMessage('Open a contract (*.opord) first.');
  return undefined;
}

module.exports = { activate, deactivate };
