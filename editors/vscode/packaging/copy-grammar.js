'use strict';
// An extension can hold nothing from outside its folder: the grammar and the licence are copied in before it is packed.

const fs = require('node:fs');
const path = require('node:path');

const here = path.dirname(__dirname);
fs.mkdirSync(path.join(here, 'syntaxes'), { recursive: true });
fs.copyFileSync(
  path.join(here, '..', 'textmate', 'opord.tmLanguage.json'),
  path.join(here, 'syntaxes', 'opord.tmLanguage.json'),
);
fs.copyFileSync(path.join(here, '..', '..', 'LICENSE'), path.join(here, 'LICENSE'));
