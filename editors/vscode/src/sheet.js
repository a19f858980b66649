'use strict';
// "Opord: Explain": the guarantee sheet, as a Markdown preview that follows the contract.

const vscode = require('vscode');
const { later } = require('./later');

const SCHEME = 'opord-sheet';

class Sheets {
  /** @param {import('./server').Server} server */
  constructor(server) {
    this.server = server;
    /** @type {Map<string, vscode.Uri>} the sheets that are shown, by the contract they are of */
    this.shown = new Map();
    this.changed = new vscode.EventEmitter();
    this.refresh = later((uri) => this.changed.fire(uri));
    this.subscriptions = [
      this.changed,
      this.refresh,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
        onDidChange: this.changed.event,
        provideTextDocumentContent: (uri) => this.text(vscode.Uri.parse(uri.query)),
      }),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        const sheet = this.shown.get(document.uri.toString());
        if (sheet !== undefined) {
          this.refresh(sheet);
        }
      }),
    ];
  }

  /** @param {vscode.TextDocument} document */
  async show(document) {
    const name = (document.uri.path.split('/').pop() ?? '').replace(/\.opord$/, '');
    const sheet = vscode.Uri.from({ scheme: SCHEME, path: `/${name}.md`, query: document.uri.toString() });
    this.shown.set(document.uri.toString(), sheet);
    this.changed.fire(sheet);
    await vscode.commands.executeCommand('markdown.showPreviewToSide', sheet);
  }

  /** @param {vscode.Uri} uri of a contract */
  async text(uri) {
    try {
      const answer = await this.server.ask('opord/explain', uri);
      return String(answer.markdown);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      return `*${said.replace(/[\\`*_[\]<>|]/g, '\\$&')}*\n`;
    }
  }

  dispose() {
    this.subscriptions.forEach((each) => each.dispose());
  }
}

module.exports = { Sheets };
