// Socket.IO on Node: returns each message, or sends it to all others.
'use strict';

const http = require('http');
const { Server } = require('socket.io');
const { version } = require('socket.io/package.json');

const server = http.createServer();
// No compression, which is the default; said here because it matters.
const io = new Server(server, {
  serveClient: false,
  perMessageDeflate: false,
  httpCompression: false,
});

io.on('connection', (socket) => {
  socket.on('message', (text) => {
    if (text.startsWith('all')) socket.broadcast.emit('message', text);
    else socket.send(text);
  });
  socket.on('binary', (data) => socket.emit('binary', data));
});

server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  const software = `socket.io ${version}, Node ${process.versions.node}`;
  console.log(JSON.stringify({ port: server.address().port, software }));
});
