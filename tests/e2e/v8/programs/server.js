// A plain HTTP server on the loopback interface that answers requests, keeps sessions and lets some go.
'use strict';
const http = require('node:http');
const sessions = new Map();
const server = http.createServer((request, response) => {
  const id = new URL(request.url, 'http://localhost').searchParams.get('session');
  if (!sessions.has(id)) sessions.set(id, {id, visits: [], headers: request.headers});
  sessions.get(id).visits.push({at: Date.now(), url: request.url, text: 'visit '.repeat(id % 7) + id});
  if (sessions.size > 300) sessions.delete(sessions.keys().next().value);
  response.end(JSON.stringify({id, visits: sessions.get(id).visits.length}));
});
exports.run = async () => {
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const {port} = server.address();
  for (let i = 0; i < 600; ++i)
    await new Promise((done, failed) => http.get(
        {host: '127.0.0.1', port, path: `/?session=${i % 400}`, agent: false},
        (answer) => answer.resume().on('end', done)).on('error', failed));
};
exports.finish = () => server.close();
