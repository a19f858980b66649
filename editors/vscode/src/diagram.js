'use strict';
// "Opord: Show Diagram": the states of a contract, drawn beside it and again with every change.

const crypto = require('node:crypto');
const vscode = require('vscode');
const { later } = require('./later');
const { page } = require('./page');

class Diagrams {
  /** @param {import('./server').Server} server @param {vscode.Uri} extension */
  constructor(server, extension) {
    this.server = server;
    this.media = vscode.Uri.joinPath(extension, 'media');
    /** @type {vscode.WebviewPanel | undefined} */
    this.panel = undefined;
    /** @type {vscode.TextDocument | undefined} */
    this.document = undefined;
    this.asked = 0;
    this.redraw = later(() => this.draw());
    this.subscriptions = [
      this.redraw,
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document.languageId === 'opord' && this.panel !== undefined) {
          this.redraw(undefined); // a file of types that the contract uses may have changed as well
        }
      }),
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        if (this.panel !== undefined && editor?.document.languageId === 'opord' && editor.document !== this.document) {
          void this.show(editor.document);
        }
      }),
    ];
  }

  /** @param {vscode.TextDocument} document */
  async show(document) {
    this.document = document;
    this.panel ??= this.open();
    this.panel.title = `Diagram of ${document.uri.path.split('/').pop()}`;
    await this.draw();
  }

  open() {
    const panel = vscode.window.createWebviewPanel(
      'opord.diagram',
      'Diagram',
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableScripts: true, localResourceRoots: [this.media], retainContextWhenHidden: true },
    );
    const script = panel.webview.asWebviewUri(vscode.Uri.joinPath(this.media, 'diagram.js'));
    panel.webview.html = page(script.toString(), crypto.randomBytes(16).toString('base64'));
    panel.webview.onDidReceiveMessage((message) => {
      if (message?.ready === true) {
        void this.draw();
      } else {
        void this.reveal(message?.line);
      }
    });
    panel.onDidDispose(() => {
      this.panel = undefined;
    });
    return panel;
  }

  async draw() {
    const { panel, document } = this;
    if (panel === undefined || document === undefined) {
      return;
    }
    this.asked += 1;
    const turn = this.asked;
    let message;
    try {
      const answer = await this.server.ask('opord/diagram', document.uri);
      message = { svg: String(answer.content) };
    } catch (error) {
      message = { problem: error instanceof Error ? error.message : String(error) };
    }
    // An answer that came late must not replace a newer drawing.
    if (turn === this.asked && panel === this.panel) {
      await panel.webview.postMessage(message);
    }
  }

  /** @param {unknown} line from 1 */
  async reveal(line) {
    const document = this.document;
    if (document === undefined || !Number.isInteger(line) || line < 1 || line > document.lineCount) {
      return;
    }
    const shown = vscode.window.visibleTextEditors.find((each) => each.document === document);
    const at = new vscode.Position(line - 1, 0);
    await vscode.window.showTextDocument(document, {
      viewColumn: shown?.viewColumn ?? vscode.ViewColumn.One,
      selection: new vscode.Range(at, at),
    });
  }

  dispose() {
    this.panel?.dispose();
    this.subscriptions.forEach((each) => each.dispose());
  }
}

module.exports = { Diagrams };
