// Functions that hold variables, generators that stopped half way, bound functions, classes, promises, proxies, symbols.
'use strict';
class Counter {
  #secret = new Array(50).fill('secret');
  static made = 0;
  constructor(name) { this.name = name; ++Counter.made; }
  secret() { return this.#secret; }
}
function* numbers(limit) { for (let i = 0; i < limit; ++i) yield {i, text: `number ${i}`}; }
const kept = {functions: [], generators: [], bound: [], others: [], ring: null};
exports.run = async () => {
  for (let i = 0; i < 1500; ++i) {
    const large = {payload: new Array(20).fill(i), i};
    const counter = new Counter('counter ' + i);
    kept.functions.push(() => large.i + counter.name.length);
    if (i % 10 === 0) kept.bound.push(Counter.prototype.secret.bind(counter, large));
    if (i % 25 === 0) { const g = numbers(100); g.next(); kept.generators.push(g); }
  }
  let joined = '';
  for (let i = 0; i < 2000; ++i) joined += `part ${i};`;
  kept.others.push(joined, joined.slice(100, 4000), Symbol('a symbol'), 2n ** 200n, /reg(ex)p+/gi, new Date(0), new Error('kept'));
  kept.others.push(new Proxy({target: true}, {get: () => 1}), new Promise(() => {}), Promise.resolve({done: [1, 2, 3]}), (async () => { await new Promise(() => {}); })());
  let ring = {next: null, number: 0};
  const first = ring;
  for (let i = 1; i < 20_000; ++i) ring = {next: ring, number: i};
  first.next = ring;
  kept.ring = ring;
};
exports.finish = () => kept.functions.length;
