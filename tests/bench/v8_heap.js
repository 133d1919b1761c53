// node --max-old-space-size=16000 v8_heap.js MEGABYTES FILE: the heap of a build server, dumped when it has come to MEGABYTES.
// Nothing in it is made up: TypeScript, Babel and esprima (at V8_ORACLES, tests/e2e/v8/setup.sh installs them) work on the sources
// of all packages that stand there and keep what such a server keeps: checked programs with their types, syntax trees with tokens
// and comments, scopes by tree in WeakMaps, texts, watchers. A round is another project: with a compiler of its own, another
// target and other files first. About 65 bytes a node: 850 MB are 13 M nodes and a file of 1.3 GB.
'use strict';
const fs = require('node:fs'), path = require('node:path');
const [megabytes, file] = process.argv.slice(2);
const modules = path.join(process.env.V8_ORACLES ?? path.join(__dirname, '../../build/v8-oracles'), 'node_modules');
const load = (name) => require(path.join(modules, name));

const sources = [];
const list = (folder) => {
  for (const entry of fs.readdirSync(folder, {withFileTypes: true}).sort((a, b) => a.name < b.name ? -1 : 1)) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) list(at);
    else if (/\.[cm]?[jt]s$/.test(entry.name) && !/^(_?tsserver|_tsc|tsc|typingsInstaller)/.test(entry.name) && fs.statSync(at).size < 1 << 20) sources.push(at);
  }
};
list(modules);

const full = () => process.memoryUsage().heapUsed > +megabytes * 1e6;
const projects = [];
class Project {
  constructor(number) {
    this.number = number;
    this.files = sources.filter((_, i) => (i * 31 + number * 7) % 4 === number % 4);
    this.trees = new Map();
    this.scopes = new WeakMap();
    this.watchers = [];
    this.problems = [];
  }
  // A compiler of its own, as a plugin of an editor has it.
  check() {
    const compiler = path.join(modules, 'typescript/lib/typescript.js');
    delete require.cache[compiler];
    const ts = this.ts = require(compiler);
    const targets = [ts.ScriptTarget.ES2015, ts.ScriptTarget.ES2018, ts.ScriptTarget.ES2020, ts.ScriptTarget.ES2022, ts.ScriptTarget.ESNext];
    const options = {noEmit: true, allowJs: this.number % 2 === 0, strict: true, types: [], target: targets[this.number % targets.length]};
    const roots = this.files.filter((name) => name.endsWith('.d.ts') || (options.allowJs && this.trees.size % 3 === 0)).slice(0, 400);
    this.program = ts.createProgram(roots, options);
    for (const source of this.program.getSourceFiles()) {
      if (full()) return;
      this.problems.push(...this.program.getSemanticDiagnostics(source));
    }
  }
  parse(name) {
    const text = fs.readFileSync(name, 'utf-8');
    const record = {name, text, at: new Date(), lines: text.split('\n').map((line) => line.length), tree: null, by: ''};
    try {
      if (this.trees.size % 5 === 4) {
        record.tree = load('esprima').parseScript(text, {loc: true, range: true, tokens: true, comment: true});
        record.by = 'esprima';
      } else {
        const plugins = /\.[cm]?ts$/.test(name) ? ['typescript'] : [];
        record.tree = load('@babel/parser').parse(text, {sourceType: 'unambiguous', errorRecovery: true, tokens: this.number % 2 === 1, plugins});
        record.by = 'babel';
        const scopes = [];
        load('@babel/traverse').default(record.tree, {Scope: (at) => { if (scopes.length < 50) scopes.push({bindings: Object.keys(at.scope.bindings), uid: at.scope.uid}); }});
        this.scopes.set(record.tree, {record, scopes});
      }
    } catch (error) {
      this.problems.push(error);
    }
    this.trees.set(name, record);
    this.watchers.push((event) => event === 'change' && this.parse(record.name));
  }
}

for (let number = 0; !full(); ++number) {
  const project = new Project(number);
  projects.push(project);
  project.check();
  for (const name of project.files) {
    if (full()) break;
    project.parse(name);
  }
  process.stderr.write(`project ${number}: ${project.trees.size} trees, ${project.problems.length} problems, ` +
                       `${Math.round(process.memoryUsage().heapUsed / 1e6)} MB\n`);
}
globalThis.projects = projects;
// A debugger makes V8 remember where the lines of every script begin. Otherwise the dump reads all nine megabytes of TypeScript
// for the position of each of its functions: hours.
const session = new (require('node:inspector').Session)();
session.connect();
session.post('Debugger.enable');
session.post('Debugger.disable');
session.disconnect();
const before = Date.now();
require('node:v8').writeHeapSnapshot(file);
process.stderr.write(`${projects.length} projects; written in ${((Date.now() - before) / 1000).toFixed(1)} s, ${(fs.statSync(file).size / 1e6).toFixed(0)} MB\n`);
