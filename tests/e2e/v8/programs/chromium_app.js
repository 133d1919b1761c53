// TypeScript and esprima in a page of headless Chromium, with allocation tracking: objects of the page know who made them.
// needs: chromium
// holds: Detached <li>, <li>, HTMLTextAreaElement, SourceFileObject, NodeObject
'use strict';
const path = require('node:path');
const {pathToFileURL} = require('node:url');
const {snapshotOf} = require('./chromium_page.js');
exports.snapshot = (file) => snapshotOf(path.join(__dirname, 'app.html'), file, {
  trackAllocations: true,
  query: ['typescript', 'esprima'].map((name) => `script=${encodeURIComponent(pathToFileURL(require.resolve(name)).href)}`).join('&'),
});
