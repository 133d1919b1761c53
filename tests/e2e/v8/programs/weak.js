// WeakMap with keys held elsewhere, values that hold other keys, chains through maps, WeakSet, WeakRef, FinalizationRegistry.
'use strict';
const keys = [], maps = [], refs = [], registry = new FinalizationRegistry(() => {});
exports.run = async () => {
  for (let m = 0; m < 20; ++m) {
    const map = new WeakMap(), set = new WeakSet();
    maps.push({map, set, name: `map ${m}`});
    for (let i = 0; i < 60; ++i) {
      const key = {m, i}, value = {for: m, list: new Array(i).fill(m), previous: keys[keys.length - 7]};
      map.set(key, value);
      set.add(key);
      if (i % 3 !== 0) keys.push(key);                                  // the others die
      if (i % 5 === 0 && keys.length > 40) map.set(keys[keys.length - 31], {chained: key});   // one key in several maps
      refs.push(new WeakRef(value));
      registry.register(key, {held: i}, value);
    }
  }
  maps.push(new WeakMap([[maps, {theWholeList: new Array(1000).fill(maps.length)}]]));
};
exports.finish = () => refs.length + keys.length;
