// The heap of a worker thread, with messages in flight and memory shared with the main one.
'use strict';
const {Worker, isMainThread, parentPort, workerData} = require('node:worker_threads');
if (!isMainThread) {
  const kept = {shared: new Int32Array(workerData.shared), messages: []};
  for (let i = 0; i < 3000; ++i) kept.messages.push({i, text: `message ${i}`, bytes: new Uint8Array(i % 50)});
  parentPort.on('message', () => {
    require('node:v8').writeHeapSnapshot(workerData.file);
    parentPort.postMessage(kept.messages.length);
  });
}
exports.snapshot = (file) => new Promise((done, failed) => {
  const worker = new Worker(__filename, {workerData: {file, shared: new SharedArrayBuffer(4096)}});
  worker.on('error', failed);
  worker.on('message', () => worker.terminate().then(done));
  worker.postMessage('now');
});
