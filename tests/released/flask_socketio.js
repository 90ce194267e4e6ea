'use strict';
// Clients of Socket.IO 4.8 talk with the program in the style of Flask-SocketIO; prints what they got.
const {packages, url, transport} = JSON.parse(process.argv[2]);
const {io} = require(`${packages}/socket.io-client-4.8`);

const got = {};
const socket = io(url, {transports: [transport], forceNew: true});
const next = name => new Promise(done => socket.once(name, (...values) => done(values)));

async function main() {
  got.welcome = (await next('welcome'))[0].name;
  const json = next('json');
  got.answer = await socket.emitWithAck('json', [1, 2]);
  got.json = (await json)[0];
  socket.emit('count', {by: 5});
  got.counted = (await next('counted'))[0];
  socket.emit('picture', Buffer.from([255, 2, 3]));
  got.picture = (await next('picture'))[0].toString('hex');
  socket.emit('unheard of', 1, 'two');
  got.other = await next('other');
  const refused = io(url, {transports: [transport], forceNew: true, auth: {token: 'wrong'}});
  got.refused = await new Promise(done => {
    refused.on('connect_error', error => done([error.message, error.data]));
  });
  console.log(JSON.stringify(got));
  socket.disconnect();
  refused.disconnect();
}

main();
