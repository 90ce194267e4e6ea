// A server of socket.io with the adapter for Redis streams. It does for a client what that asks
// for, as the application "clustered" does. It prints its port when it listens.
'use strict';

const path = require('path');
const packages = process.argv[2];
const get = name => require(path.join(packages, name));
const { Server } = get('socket.io');
const { createAdapter } = get('@socket.io/redis-streams-adapter');
const { createClient } = get('redis');

async function main() {
  const client = createClient({ url: process.argv[3] });
  client.on('error', () => {});
  await client.connect();
  const io = new Server(0, { adapter: createAdapter(client) });
  io.httpServer.on('listening', () => console.log(`port ${io.httpServer.address().port}`));

  const orders = {
    all: (socket, ...rest) => io.emit('event', ...rest),
    others: (socket, ...rest) => socket.broadcast.emit('event', ...rest),
    room: (socket, room, ...rest) => io.to(room).emit('event', ...rest),
    bytes: socket => io.emit('event', Buffer.from([0, 255, 7])),
    join: (socket, ...rooms) => socket.join(rooms),
    'join all': (socket, room, ...rooms) => io.in(room).socketsJoin(rooms),
    'leave all': (socket, room, ...rooms) => io.in(room).socketsLeave(rooms),
    disconnect: (socket, room) => io.in(room).disconnectSockets(),
    clients: async (socket, room) => {
      const found = await io.in(room).fetchSockets();
      socket.emit('clients', found.map(each => [each.id, [...each.rooms].sort(), each.data]));
    },
    pids: async socket => socket.emit('pids', ...await io.serverSideEmitWithAck('pid')),
    call: (socket, room, timeout) => {
      io.to(room).timeout(timeout * 1000).emit('question', (error, answers) => {
        socket.emit('answers', answers, Boolean(error));
      });
    },
  };
  io.on('pid', answer => answer(process.pid));
  io.on('connection', socket => {
    socket.emit('hello', process.pid, socket.id);
    socket.on('message', ([what, ...rest]) => orders[what](socket, ...rest));
  });
}

main();
