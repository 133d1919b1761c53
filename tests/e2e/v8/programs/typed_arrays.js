// Memory outside the heap: buffers, views that share them, a shared buffer, external strings.
'use strict';
const kept = [];
exports.run = async () => {
  for (let i = 1; i < 400; ++i) {
    const buffer = new ArrayBuffer(i * 64);
    kept.push({bytes: new Uint8Array(buffer), halves: [new Float64Array(buffer, 0, i * 4), new DataView(buffer, i)]});
  }
  kept.push(new SharedArrayBuffer(1 << 16), Buffer.alloc(100_000, 'x'), Buffer.from('pooled'), new BigInt64Array(99).fill(7n));
  kept.push(Buffer.alloc(300_000, 'external ').toString('latin1'), [1.5, 2.5, 3.5], new Array(10_000).fill(0.25));
  kept.push(new WebAssembly.Memory({initial: 2}));
};
exports.finish = () => kept.length;
