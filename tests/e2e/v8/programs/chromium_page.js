// A page in headless Chromium: detached trees, shadow roots, frames, listeners, a worker. Snapshot over the DevTools protocol,
// through a pipe: no port is opened, and no page but page.html is.
// needs: chromium
// holds: Detached <li>, Detached <shop-item>, Detached ShadowRoot, Detached <button>, Detached HTMLDocument, <li>, Worker
'use strict';
const {spawn} = require('node:child_process');
const fs = require('node:fs'), os = require('node:os'), path = require('node:path');
const {pathToFileURL} = require('node:url');

// Messages end with a zero byte; what the browser hears comes through its descriptor 3, what it says through 4.
class Browser {
  constructor(profile, ...more) {
    this.child = spawn('chromium', [
      '--headless=new', '--no-sandbox', '--remote-debugging-pipe', `--user-data-dir=${profile}`, '--disable-gpu', '--disable-dev-shm-usage',
      '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions',
      '--disable-default-apps', '--no-proxy-server', '--host-resolver-rules=MAP * ~NOTFOUND', '--allow-file-access-from-files', ...more, 'about:blank',
    ], {stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe']});
    this.said = '';
    this.child.stderr.on('data', (text) => { this.said = (this.said + text).slice(-4000); });
    this.waiting = new Map();
    this.listeners = new Map();
    this.number = 0;
    this.ended = new Promise((done) => this.child.on('exit', (code, signal) => {
      for (const {failed} of this.waiting.values()) failed(new Error(`the browser ended: ${code ?? signal}\n${this.said}`));
      this.waiting.clear();
      done();
    }));
    this.child.stdio[3].on('error', () => {});
    let parts = [];
    this.child.stdio[4].on('data', (bytes) => {
      for (let end; (end = bytes.indexOf(0)) >= 0; bytes = bytes.subarray(end + 1)) {
        this.hear(JSON.parse(Buffer.concat([...parts, bytes.subarray(0, end)]).toString('utf-8')));
        parts = [];
      }
      parts.push(bytes);
    });
  }
  hear({id, method, params, result, error}) {
    if (id === undefined) return this.listeners.get(method)?.(params);
    const {done, failed, asked} = this.waiting.get(id);
    this.waiting.delete(id);
    return error ? failed(new Error(`${asked}: ${error.message}`)) : done(result);
  }
  ask(asked, params = {}, sessionId = undefined) {
    const id = ++this.number;
    this.child.stdio[3].write(JSON.stringify({id, method: asked, params, sessionId}) + '\0');
    return new Promise((done, failed) => this.waiting.set(id, {done, failed, asked}));
  }
  on(method, listener) { this.listeners.set(method, listener); }
  async end() {
    const patience = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    this.ask('Browser.close').catch(() => {});
    await this.ended;
    clearTimeout(patience);
  }
}

// Opens `page` (a file) in a browser, waits until its title is "ready", and writes its heap to `file`.
exports.snapshotOf = async (page, file, {trackAllocations = false, query = ''} = {}) => {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'openclaw-chromium-'));
  const browser = new Browser(profile);
  const out = fs.openSync(file, 'w');
  try {
    const {targetId} = await browser.ask('Target.createTarget', {url: 'about:blank'});
    const {sessionId} = await browser.ask('Target.attachToTarget', {targetId, flatten: true});
    const ask = (method, params) => browser.ask(method, params, sessionId);
    browser.on('HeapProfiler.addHeapSnapshotChunk', ({chunk}) => fs.writeSync(out, chunk));
    await ask('HeapProfiler.enable');
    if (trackAllocations) await ask('HeapProfiler.startTrackingHeapObjects', {trackAllocations});
    await ask('Page.navigate', {url: `${pathToFileURL(page).href}?${query}`});
    const deadline = Date.now() + 60_000;
    for (;;) {
      const {result} = await ask('Runtime.evaluate', {expression: 'document.title', returnByValue: true}).catch(() => ({result: {}}));
      if (result.value === 'ready') break;
      if (Date.now() > deadline) throw new Error(`${page}: not ready, its title is ${result.value}`);
      await new Promise((done) => setTimeout(done, 50));
    }
    if (trackAllocations) await ask('HeapProfiler.stopTrackingHeapObjects', {reportProgress: false});
    else await ask('HeapProfiler.takeHeapSnapshot', {reportProgress: false});
  } finally {
    fs.closeSync(out);
    await browser.end();
    fs.rmSync(profile, {recursive: true, force: true, maxRetries: 5});
  }
};
exports.snapshot = (file) => exports.snapshotOf(path.join(__dirname, 'page.html'), file);
