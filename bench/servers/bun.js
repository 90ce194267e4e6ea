// Socket.IO on Bun, with the engine made for it: returns each message, or sends it to all others.
'use strict';

const { Server: Engine } = require('@socket.io/bun-engine');
const { version: engineVersion } = require('@socket.io/bun-engine/package.json');
const { Server } = require('socket.io');
const { version } = require('socket.io/package.json');

// Compression is off by default, in the engine and in Bun.
const engine = new Engine({ path: '/socket.io/' });
const io = new Server();
io.bind(engine);

io.on('connection', (socket) => {
  socket.on('message', (text) => {
    if (text.startsWith('all')) socket.broadcast.emit('message', text);
    else socket.send(text);
  });
  socket.on('binary', (data) => socket.emit('binary', data));
});

const server = Bun.serve({ hostname: '127.0.0.1', port: 0, ...engine.handler() });
const software = `socket.io ${version}, bun-engine ${engineVersion}, Bun ${Bun.version}`;
console.log(JSON.stringify({ port: server.port, software }));
