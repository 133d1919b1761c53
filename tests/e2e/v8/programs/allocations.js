// Allocation tracking: every object knows the stack that made it. The snapshot comes through the inspector.
'use strict';
const {Session} = require('node:inspector');
const fs = require('node:fs');
exports.snapshot = async (file) => {
  const session = new Session();
  session.connect();
  const post = (method, params) => new Promise((done, failed) => session.post(method, params, (error, result) => error ? failed(error) : done(result)));
  const out = fs.openSync(file, 'w');
  session.on('HeapProfiler.addHeapSnapshotChunk', ({params}) => fs.writeSync(out, params.chunk));
  await post('HeapProfiler.startTrackingHeapObjects', {trackAllocations: true});
  const kept = [];
  function makeLeaf(i) { return {leaf: i, list: [i, i + 1]}; }
  function makeTree(depth) { return depth === 0 ? makeLeaf(depth) : {left: makeTree(depth - 1), right: makeTree(depth - 1)}; }
  for (let i = 0; i < 20; ++i) kept.push(makeTree(7));
  await post('HeapProfiler.stopTrackingHeapObjects', {reportProgress: false});   // sends the snapshot
  fs.closeSync(out);
  session.disconnect();
  return kept.length;
};
