// node devtools.mjs FILE: id, shallow size, retained size, id of the dominator of every node, as Chrome DevTools' code has them.
import {createReadStream} from 'node:fs';
import {createRequire} from 'node:module';
import {Readable} from 'node:stream';
import {pathToFileURL} from 'node:url';
import {print} from './print.mjs';
const require = createRequire(process.env.V8_ORACLES + '/');
const {parse} = await import(pathToFileURL(require.resolve('heap-snapshot-toolkit')));
// Without the allocation traces: V8 writes the functions before the tree, which by then names functions that the writing itself
// called first, and DevTools fails on those. They change no size.
async function* withoutTraces() {
  let head = true;
  for await (const chunk of createReadStream(process.argv[2], 'utf-8')) {
    yield head ? chunk.replace(/"trace_function_count":\d+/, '"trace_function_count":0') : chunk;
    head = false;
  }
}
const s = await parse(Readable.from(withoutTraces()));
const at = (ordinal, offset) => s.nodes.getValue(ordinal * s.nodeFieldCount + offset);
await print(function* () {
  for (let i = 0; i < s.nodeCount; ++i)
    yield [at(i, s.nodeIdOffset), at(i, s.nodeSelfSizeOffset), s.retainedSizes[i], at(s.dominatorsTree[i], s.nodeIdOffset)];
});
