'use strict';
// What the released clients of bare Engine.IO do and must see, one function a story; see stories.js.

(function (exports, common) {
  const {MODES, ENDS, once, many, same, numbers} = common;

  function open(client) {
    const options = {path: '/engine.io/', ...MODES[client.mode]};
    const url = client.url.replace('http:', 'ws:');
    // Node has the class, and a page a function.
    const {library} = client;
    const socket = library.Socket ? new library.Socket(url, options) : library(url, options);
    socket.binaryType = 'arraybuffer';
    client.sockets.push(socket);
    return socket;
  }

  async function opened(client) {
    const socket = open(client);
    await once(socket, 'open');
    return socket;
  }

  async function settled(client, socket) {
    if (ENDS[client.mode] !== socket.transport.name) await once(socket, 'upgrade');
    same(socket.transport.name, ENDS[client.mode], 'the transport');
  }

  // The clients show an empty text as undefined.
  const shown = text => text || undefined;

  const stories = exports.stories = {};

  stories['echo'] = async client => {
    const socket = await opened(client);
    const [places, texts] = [0, 1].map(index => client.texts.map(each => each[index]));
    const answers = many(socket, 'message', 2 * texts.length);
    texts.forEach(text => socket.send('place of ' + text));
    places.forEach(place => socket.send('text at ' + place));
    same(await answers, [...places.map(String), ...texts.map(shown)], 'each direction alone');
    socket.off('message');
    texts.push('a😀é\n'.repeat(30000));
    const echoes = many(socket, 'message', texts.length);
    texts.forEach(text => socket.send(text));
    same(await echoes, texts.map(shown), 'echoes');
    await settled(client, socket);
  };

  stories['binary'] = async client => {
    const socket = await opened(client);
    for (const make of client.binary) {
      const values = [make([]), make([1, 2, 3]), 'é', make(numbers(100000).map(number => number % 251))];
      const echoes = many(socket, 'message', values.length);
      values.forEach(value => socket.send(value));
      same(await echoes, values);
      socket.off('message');
    }
    await settled(client, socket);
  };

  stories['order'] = async client => {
    const socket = await opened(client);
    const received = many(socket, 'message', 2000);
    socket.send('count 1000');
    numbers(1000).forEach(number => socket.send('echo ' + number));
    const all = await received;
    same(all.filter(text => text.startsWith('number ')), numbers(1000).map(n => 'number ' + n));
    same(all.filter(text => text.startsWith('echo ')), numbers(1000).map(n => 'echo ' + n));
    await settled(client, socket);
  };

  stories['the client closes'] = async client => {
    const socket = await opened(client);
    const closed = once(socket, 'close');
    const name = client.name + client.mode;
    const remembered = once(socket, 'message');
    socket.send('remember ' + name);
    same(await remembered, ['remembered']);
    socket.close();
    same((await closed)[0], 'forced close', 'the reason');
    const other = await opened(client);
    const answer = once(other, 'message');
    other.send('is gone ' + name);
    same(await answer, ['yes']);
  };

  stories['the server closes'] = async client => {
    const socket = await opened(client);
    const closed = once(socket, 'close');
    const last = once(socket, 'message');
    socket.send('last words');
    same(await last, ['goodbye']);
    same((await closed)[0], 'transport close', 'the reason');
  };
})(
  typeof module === 'object' ? module.exports : (window.engineioStories = {}),
  typeof module === 'object' ? require('./stories') : window.stories,
);
