// node v8_heap.js RECORDS FILE: a heap like a service's (records, strings, maps, closures, arrays; about six nodes a record), dumped.
'use strict';
const [records, file] = process.argv.slice(2);
const kept = {list: [], byName: new Map(), listeners: []};
for (let i = 0; i < +records; ++i) {
  const record = {id: i, name: `record ${i}`, tags: [i % 97, i % 89], parent: kept.list[(i * 7919) % (i + 1)], price: i * 1.25};
  kept.list.push(record);
  if (i % 4 === 0) kept.byName.set(record.name, record);
  if (i % 8 === 0) kept.listeners.push(() => record.price + i);
}
require('node:v8').writeHeapSnapshot(file);
process.stderr.write(`${kept.list.length + kept.byName.size + kept.listeners.length} kept\n`);
