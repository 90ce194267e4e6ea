'use strict';
// A client of Socket.IO 4.8 whose connection is cut; it prints what it sees, as JSON.
// It is cut again for each of "cuts": "unread" before it has read the answer to its return, and
// what it has missed, which is lost; "quiet" when it is back.
const {packages, url, transport, cuts} = JSON.parse(process.argv[2]);
const {io} = require(`${packages}/socket.io-client-4.8`);

const seen = [];
const socket = io(url, {transports: [transport], reconnectionDelay: 50, reconnectionDelayMax: 50});
let welcomed = false;
socket.io.on('open', () => {
  const {engine} = socket.io;
  engine.on('packet', ({data}) => {
    if (welcomed && String(data).startsWith('0{"sid":') && cuts[0] === 'unread') {
      cuts.shift();
      engine.off('data');
      engine.close();
    }
  });
});
socket.on('connect', () => {
  seen.push(['connect', socket.id, socket.recovered]);
  if (!welcomed) return;
  if (cuts.shift() === 'quiet') setTimeout(() => socket.io.engine.close());
  else socket.emit('here');
});
// The last argument of each event is its offset.
socket.onAny((name, ...args) => {
  seen.push([name, ...args.slice(0, -1).map(x => (Buffer.isBuffer(x) ? x.toString('hex') : x))]);
  if (name === 'welcome') {
    welcomed = true;
    socket.io.engine.close();
  }
  if (name === 'last') {
    console.log(JSON.stringify(seen));
    socket.disconnect();
    setTimeout(() => process.exit(), 100);
  }
});
