// node memlab.mjs FILE: id, shallow size, retained size, id of the dominator of every node, as memlab has them.
import {createRequire} from 'node:module';
import {print} from './print.mjs';
const require = createRequire(process.env.V8_ORACLES + '/');
const {getFullHeapFromFile} = require('@memlab/heap-analysis');
const write = process.stdout.write;
process.stdout.write = () => true;   // it draws progress there
const s = await getFullHeapFromFile(process.argv[2]);
process.stdout.write = write;
await print(function* () {
  for (let i = 0; i < s.nodes.length; ++i) {
    const n = s.nodes.get(i);
    yield [n.id, n.self_size, n.retainedSize, n.dominatorNode?.id ?? 0];
  }
});
