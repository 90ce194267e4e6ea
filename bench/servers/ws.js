// A bare WebSocket server on Node: returns each message, or sends it to all others.
'use strict';

const http = require('http');
const { WebSocket, WebSocketServer } = require('ws');
const { version } = require('ws/package.json');

const server = http.createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

function broadcast(text, sender) {
  for (const socket of sockets.clients) {
    if (socket !== sender && socket.readyState === WebSocket.OPEN) socket.send(text);
  }
}

sockets.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data) => {
    // As text, like the other peers, whose handlers are given strings.
    const text = data.toString();
    if (!text.startsWith('all')) socket.send(text);
    else broadcast(text, socket);
  });
});

server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  const software = `ws ${version}, Node ${process.versions.node}`;
  console.log(JSON.stringify({ port: server.address().port, software }));
});
