// node devtools.mjs FILE: id, shallow size, retained size, id of the dominator of every node, as Chrome DevTools' code has them.
import {createReadStream} from 'node:fs';
import {createRequire} from 'node:module';
import {pathToFileURL} from 'node:url';
import {print} from './print.mjs';
const require = createRequire(process.env.V8_ORACLES + '/');
const {parse} = await import(pathToFileURL(require.resolve('heap-snapshot-toolkit')));
const s = await parse(createReadStream(process.argv[2], 'utf-8'));
const at = (ordinal, offset) => s.nodes.getValue(ordinal * s.nodeFieldCount + offset);
await print(function* () {
  for (let i = 0; i < s.nodeCount; ++i)
    yield [at(i, s.nodeIdOffset), at(i, s.nodeSelfSizeOffset), s.retainedSizes[i], at(s.dominatorsTree[i], s.nodeIdOffset)];
});
