// node oracle_test.mjs HEAP_ANALYZER FOLDER PROGRAM…: dumps real programs and compares every object with Chrome DevTools and
// memlab: shallow size, retained size and immediate dominator, each under the policy of its name. A difference is explained only
// by one of the predicates below, which say what the other tool must have and count; exit 1 if one is left. What a program says its
// dump must hold (`holds`, type names) must be in the histogram.
// Exit 77 (skipped): no node packages at V8_ORACLES (setup.sh installs them), or what a program needs is not on this machine.
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, rmSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [analyzer, folder, ...programs] = process.argv.slice(2);
if (!existsSync(join(process.env.V8_ORACLES ?? '', 'installed.json'))) {
  console.log(`skipped: ${process.env.V8_ORACLES} has no packages; tests/e2e/v8/setup.sh installs them`);
  process.exit(77);
}
mkdirSync(folder, {recursive: true});

// What stands in the first lines of programs/PROGRAM.js, read without loading the program and its packages.
const about = (program) => {
  const text = readFileSync(join(here, 'programs', `${program}.js`), 'utf-8');
  const list = (key) => text.match(new RegExp(`^// ${key}: (.*)$`, 'm'))?.[1].split(', ') ?? [];
  return {needs: list('needs'), holds: list('holds')};
};
for (const program of programs)
  for (const name of about(program).needs)
    if (!process.env.PATH.split(':').some((at) => existsSync(join(at, name)))) {
      console.log(`skipped: ${program} needs ${name}, which is not on the PATH`);
      process.exit(77);
    }

const run = (command, ...args) => {
  const result = spawnSync(command, args, {
    encoding: 'utf-8', maxBuffer: 1 << 30, timeout: 600_000,
    env: {...process.env, NODE_PATH: join(process.env.V8_ORACLES, 'node_modules')},
  });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.status ?? result.signal}\n${result.stderr}${result.stdout.slice(0, 2000)}`);
  return result.stdout;
};
const rowsOf = (text) => text.split('\n').filter((line) => line !== '').map((line) => line.split('\t'));

// Columns of ours by their heading; ids as the dump has them.
const ours = (file, policy) => {
  const table = join(folder, 'ours.tsv');
  rmSync(table, {force: true});
  run(analyzer, 'export', '--per-object', '--output', table, '--policy', policy, file);
  const [head, ...rows] = rowsOf(readFileSync(table, 'utf-8'));
  const column = Object.fromEntries(head.map((name, index) => [name.replace(/^#\s*/, ''), index]));
  const number = (text) => Number(text.replace(/^@/, ''));
  return rows.map((row) => ({
    id: number(row[column.id]), shallow: number(row[column.shallow]), retained: number(row[column.retained]),
    dominator: number(row[column.dominator]),
  }));
};

// What explains a difference, each with the value that the other tool must then have.
const explanations = [
  ['the root is its own dominator there', (mine, theirs, index, root) =>
    index === root && mine.dominator === 0 && theirs.dominator === mine.id && theirs.retained === mine.retained && theirs.shallow === mine.shallow],
];

let failed = 0, compared = 0;
for (const program of programs) {
  const file = join(folder, `${program}.heapsnapshot`);
  rmSync(file, {force: true});
  run(process.execPath, join(here, 'take_snapshot.js'), program, file);
  for (const [policy, script] of [['v8-devtools', 'devtools.mjs'], ['memlab', 'memlab.mjs']]) {
    const mine = ours(file, policy);
    const theirs = rowsOf(run(process.execPath, '--max-old-space-size=4000', join(here, script), file))
                       .map(([id, shallow, retained, dominator]) => ({id: +id, shallow: +shallow, retained: +retained, dominator: +dominator}));
    const explained = explanations.map(() => 0);
    let others = Math.abs(mine.length - theirs.length);
    for (let i = 0; i < Math.min(mine.length, theirs.length); ++i) {
      const a = mine[i], b = theirs[i];
      if (a.id === b.id && a.shallow === b.shallow && a.retained === b.retained && a.dominator === b.dominator) continue;
      const why = explanations.findIndex(([, holds]) => holds(a, b, i, 0));
      if (why >= 0) ++explained[why];
      else if (++others <= 5) console.log(`  ${program}, ${policy}: ours ${JSON.stringify(a)}, theirs ${JSON.stringify(b)}`);
    }
    compared += theirs.length;
    failed += others + (theirs.length < 10_000);
    console.log(`${program}, ${policy}: ${theirs.length} objects, ${others} differ` +
                explanations.map(([name], i) => `, ${explained[i]} × ${name}`).join(''));
  }
  const types = new Set(JSON.parse(run(analyzer, 'histogram', '--json', file)).rows.map(({type}) => type));
  for (const type of about(program).holds)
    if (!types.has(type)) {
      console.log(`  ${program}: no object of type ${type} in the dump`);
      ++failed;
    }
  rmSync(file, {force: true});
}
console.log(`${compared} objects compared, ${failed} differences left`);
process.exit(failed === 0 ? 0 : 1);
