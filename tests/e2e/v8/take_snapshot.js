// node take_snapshot.js PROGRAM FILE: runs programs/PROGRAM.js and writes the heap that it leaves.
'use strict';
const [program, file] = process.argv.slice(2);
const {run, finish, snapshot} = require(`./programs/${program}.js`);
(async () => {
  if (snapshot) {
    await snapshot(file);
  } else {
    await run();
    require('node:v8').writeHeapSnapshot(file);
    finish();
  }
})().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
