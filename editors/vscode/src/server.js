'use strict';
// The language server `opord lsp`, and the editor's side of it.

const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

class Server {
  /** @param {vscode.ExtensionContext} context */
  constructor(context) {
    /** @type {LanguageClient | undefined} */
    this.client = undefined;
    // One after the other: a restart waits until what was asked before has come to its end.
    this.queue = Promise.resolve();
    context.subscriptions.push(
      vscode.commands.registerCommand('opord.showReferences', (...given) => this.showReferences(...given)),
    );
  }

  start() {
    return this.after(async () => {
      const settings = vscode.workspace.getConfiguration('opord');
      const command = resolved(settings.get('path', 'opord'));
      const log = settings.get('logFile', '');
      const client = new LanguageClient(
        'opord',
        'Opord',
        { command, args: ['lsp', ...(log ? ['--log-file', log] : [])] },
        {
          documentSelector: [{ language: 'opord', scheme: 'file' }, { language: 'opord', scheme: 'untitled' }],
          initializationOptions: { allowOutside: settings.get('allowOutside', false) },
        },
      );
      try {
        await client.start();
        this.client = client;
      } catch (error) {
        await this.tellOfFailure(command, error);
      }
    });
  }

  stop() {
    return this.after(async () => {
      const client = this.client;
      this.client = undefined;
      await client?.stop();
    });
  }

  async restart() {
    await this.stop();
    await this.start();
  }

  /**
   * Ask the server something about a document.
   * @param {string} method
   * @param {vscode.Uri} uri
   * @returns {Promise<any>} its answer; an error has a message for people
   */
  async ask(method, uri) {
    if (this.client === undefined) {
      throw new Error('The language server is not running: see the setting opord.path.');
    }
    return this.client.sendRequest(method, { textDocument: { uri: uri.toString() } });
  }

  /** Carry out the command of a code lens: show the places that it names. */
  async showReferences(uri, position, locations) {
    const convert = this.client?.protocol2CodeConverter;
    if (convert !== undefined) {
      const places = locations.map((each) => convert.asLocation(each));
      await vscode.commands.executeCommand(
        'editor.action.showReferences', vscode.Uri.parse(uri), convert.asPosition(position), places,
      );
    }
  }

  /** @param {() => Promise<void>} done */
  after(done) {
    const turn = this.queue.then(done);
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  /** @param {string} command @param {unknown} error */
  async tellOfFailure(command, error) {
    const said = error instanceof Error ? error.message : String(error);
    const chosen = await vscode.window.showErrorMessage(
      `Opord: \`${command} lsp\` could not be started: ${said}. Install it with pip install "opord[lsp]", or set opord.path.`,
      'Open Settings',
    );
    if (chosen === 'Open Settings') {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'opord.path');
    }
  }
}

/** @param {string} path */
function resolved(path) {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
  return path.replaceAll('${workspaceFolder}', folder);
}

module.exports = { Server };
