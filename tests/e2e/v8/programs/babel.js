// A build step: Babel parses real packages, follows scopes and bindings, rewrites the trees and prints them.
'use strict';
const fs = require('node:fs'), path = require('node:path');
const parser = require('@babel/parser'), traverse = require('@babel/traverse').default, generate = require('@babel/generator').default;
const kept = new Map(), scopes = new WeakMap();
exports.run = async () => {
  const folder = path.dirname(require.resolve('@babel/traverse'));
  for (const name of fs.readdirSync(folder, {recursive: true}).map(String).sort()) {
    if (!name.endsWith('.js')) continue;
    const text = fs.readFileSync(path.join(folder, name), 'utf-8');
    const tree = parser.parse(text, {sourceType: 'unambiguous', tokens: true});
    traverse(tree, {
      Scope: (at) => { scopes.set(at.node, {bindings: at.scope.bindings, at}); },
      NumericLiteral: (at) => { at.node.value += 1; delete at.node.extra; },
    });
    kept.set(name, {tree, printed: generate(tree, {sourceMaps: true, sourceFileName: name}, text)});
  }
};
exports.finish = () => kept.size;
