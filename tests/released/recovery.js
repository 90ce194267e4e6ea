'use strict';
// A client of Socket.IO 4.8 whose connection is cut once; it prints what it sees, as JSON.
const {packages, url, transport} = JSON.parse(process.argv[2]);
const {io} = require(`${packages}/socket.io-client-4.8`);

const seen = [];
const socket = io(url, {transports: [transport], reconnectionDelay: 50, reconnectionDelayMax: 50});
socket.on('connect', () => seen.push(['connect', socket.id, socket.recovered]));
// The last argument of each event is its offset.
socket.onAny((name, ...args) => {
  seen.push([name, ...args.slice(0, -1).map(x => (Buffer.isBuffer(x) ? x.toString('hex') : x))]);
  if (name === 'welcome') socket.io.engine.close();
  if (name === 'last') {
    console.log(JSON.stringify(seen));
    socket.disconnect();
    setTimeout(() => process.exit(), 100);
  }
});
