'use strict';
// What the released clients do and must see, one function a story. The same file runs in Node and in
// Chromium, with every version of socket.io-client. tests/released/story_server.py is the server.
//
// A client: {library, name, version, url, mode, texts: [[place, text], …], binary: [bytes => …], stories,
// sockets: [], order(what)}

(function (exports) {
  const MODES = {
    polling: {transports: ['polling']},
    websocket: {transports: ['websocket']},
    upgrade: {transports: ['polling', 'websocket']},
    jsonp: {transports: ['polling'], forceJSONP: true},
    jsonpUpgrade: {transports: ['polling', 'websocket'], forceJSONP: true},
    base64: {transports: ['polling', 'websocket'], forceBase64: true},
  };
  const ENDS = {
    polling: 'polling', websocket: 'websocket', upgrade: 'websocket', jsonp: 'polling',
    jsonpUpgrade: 'websocket', base64: 'websocket',
  };
  const JSON_VALUES = [
    null, true, false, 0, -1.5, 1e21, 9007199254740991, '', 'text', [], {}, [[], [null]],
    {a: {b: [1, {c: 'é'}]}, '': 0, '😀': ['\u2028']}, {_placeholder: false}, {num: 0},
  ];
  const COUNT = 1000;

  // What the story that runs now waits for: its last words if it does not end.
  const waiting = new Set();

  function wait(what, begin) {
    waiting.add(what);
    return new Promise(begin).finally(() => waiting.delete(what));
  }

  function once(emitter, event) {
    return wait(event, done => emitter.once(event, (...values) => done(values)));
  }

  function many(emitter, event, count) {
    const got = [];
    return wait(count + ' times ' + event, done => emitter.on(event, (...values) => {
      got.push(values.length === 1 ? values[0] : values);
      if (got.length === count) done(got);
    }));
  }

  function ask(socket, event, ...values) {
    return wait('the answer to ' + event, done => {
      socket.emit(event, ...values, (...answers) => done(answers));
    });
  }

  // Bytes of each kind as one kind that JSON can show.
  function plain(value) {
    if (value instanceof ArrayBuffer) value = new Uint8Array(value);
    if (ArrayBuffer.isView(value)) {
      return {bytes: Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))};
    }
    if (Array.isArray(value)) return value.map(plain);
    if (value === null || typeof value !== 'object') return value;
    const copy = {};
    Object.keys(value).forEach(key => { copy[key] = plain(value[key]); });
    return copy;
  }

  function same(actual, expected, what) {
    const [is, must] = [actual, expected].map(value => JSON.stringify(plain(value)));
    if (is === must) return;
    let at = 0;
    while (is && must && is[at] === must[at]) at += 1;
    const shown = text => text === undefined ? text : text.slice(Math.max(0, at - 40), at + 160);
    throw new Error((what || 'values') + ': ' + shown(is) + ' instead of ' + shown(must));
  }

  const numbers = count => Array.from({length: count}, (_, index) => index);

  function open(client, more) {
    const options = {
      forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100, timeout: 60000,
      ...MODES[client.mode], ...more,
    };
    const socket = client.library(client.url, options);
    client.sockets.push(socket);
    return socket;
  }

  async function opened(client, more) {
    const socket = open(client, more);
    await once(socket, 'connect');
    return socket;
  }

  // A namespace on the connection of another. Version 1.4 can say nothing to a namespace.
  function namespace(client, main, name, token) {
    if (client.version >= 3) return main.io.socket(name, {auth: {token}});
    return main.io.socket(name, {query: 'token=' + token});
  }

  function transport(socket) {
    return socket.io.engine.transport.name;
  }

  async function settled(client, socket) {
    if (ENDS[client.mode] !== transport(socket)) await once(socket.io.engine, 'upgrade');
    same(transport(socket), ENDS[client.mode], 'the transport');
  }

  const stories = exports.stories = {};

  stories['connect'] = async client => {
    const socket = open(client);
    const welcome = once(socket, 'welcome');
    await once(socket, 'connect');
    same(await welcome, ['main']);
    same(socket.id, (await ask(socket, 'who'))[0].id, 'the id');
    await settled(client, socket);
    same(socket.id, (await ask(socket, 'who'))[0].id, 'the id after the upgrade');
  };

  stories['auth'] = async client => {
    const given = client.version >= 3 ? {auth: {token: 'é', list: [1]}} : {query: {token: 'e'}};
    const socket = await opened(client, given);
    const [{auth, query}] = await ask(socket, 'who');
    if (client.version >= 3) same(auth, given.auth, 'auth');
    else same(query.token, 'e', 'the query');
  };

  stories['echo'] = async client => {
    const socket = await opened(client);
    // Each direction alone: two mistakes may look like none.
    const [places, texts] = [0, 1].map(index => client.texts.map(each => each[index]));
    same(await Promise.all(texts.map(text => ask(socket, 'place of', text))),
      places.map(place => [place]), 'the server has received the texts of these places');
    same(await Promise.all(places.map(place => ask(socket, 'text at', place))),
      texts.map(text => [text]), 'the server has sent texts');
    const values = [...texts, ...JSON_VALUES];
    const echoes = many(socket, 'echo', values.length);
    const messages = many(socket, 'message', values.length);
    values.forEach(value => {
      socket.emit('echo', value);
      socket.send(value);
    });
    same(await echoes, values, 'echoes');
    same(await messages, values, 'messages');
    const echo = once(socket, 'echo');
    socket.emit('echo', ...values);
    same(await echo, values, 'one event');
    const long = 'a😀é\n'.repeat(30000);
    same(await ask(socket, 'answer', long), [long], 'a long text');
  };

  stories['binary'] = async client => {
    const socket = await opened(client);
    for (const make of client.binary) {
      const [few, none, all] = [make([1, 2, 3]), make([]), make(numbers(256))];
      const big = make(numbers(100000).map(number => number % 251));
      const values = [few, {deep: [all, {er: few}], text: 'é'}, [none], 'text', big];
      const one = many(socket, 'echo', values.length);
      values.forEach(value => socket.emit('echo', value));
      same(await one, values, 'echoes');
      socket.off('echo');
      const echo = once(socket, 'echo');
      socket.emit('echo', ...values);
      same(await echo, values, 'one event');
      const message = once(socket, 'message');
      socket.send(few);
      same(await message, [few], 'a message');
    }
    await settled(client, socket);
    const echoes = many(socket, 'echo', 100);
    const values = numbers(100).map(number => number % 3 ? number : client.binary[0]([number]));
    values.forEach(value => socket.emit('echo', value));
    same(await echoes, values, 'texts and bytes in order');
  };

  stories['acknowledgements'] = async client => {
    const socket = await opened(client);
    const bytes = client.binary[0]([0, 128, 255]);
    same(await ask(socket, 'answer'), [], 'no value');
    same(await ask(socket, 'answer', 'é'), ['é'], 'a value');
    same(await ask(socket, 'answer', [1]), [[1]], 'a list');
    same(await ask(socket, 'answer', 1, 'two', {three: 3}), [1, 'two', {three: 3}], 'several');
    const binary = ['x', bytes, {deep: [bytes]}];
    same(await ask(socket, 'answer', ...binary), binary, 'with bytes');

    socket.on('question', (...values) => values.pop()(...values.reverse()));
    // The handler of the server waits for the client's answer.
    same(await ask(socket, 'call me', 'é'), ['é'], 'an answer to call()');
    same(await ask(socket, 'call me', bytes), [bytes], 'an answer to call() with bytes');
    const cases = [[], [1], [1, 'two', [3]], binary];
    for (const values of cases) {
      const answers = once(socket, 'answers');
      socket.emit('call me back', ...values);
      same(await answers, values.slice().reverse(), 'answers to a callback');
    }
    const all = await Promise.all(numbers(100).map(number => ask(socket, 'answer', number)));
    same(all, numbers(100).map(number => [number]), 'a hundred at the same time');
  };

  stories['namespace'] = async client => {
    const main = open(client, client.version < 1.7 ? {query: 'token=secret'} : {});
    const mainWelcome = once(main, 'welcome');
    const admin = namespace(client, main, '/admin', 'secret');
    const welcome = once(admin, 'welcome');
    await once(admin, 'connect');
    same(await welcome, ['admin']);
    same(await mainWelcome, ['main']);
    const [{id}] = await ask(admin, 'who');
    if (client.version >= 2) same(admin.id, id, 'the id');
    same(id === (await ask(main, 'who'))[0].id, false, 'one id for both');
    const values = ['both', {bytes: client.binary[0]([1])}];
    const [first, second] = [once(main, 'echo'), once(admin, 'echo')];
    main.emit('echo', 'main', ...values);
    admin.emit('echo', 'admin', ...values);
    same(await first, ['main', ...values]);
    same(await second, ['admin', ...values]);
    same(await ask(admin, 'answer', ...values), values);
    // Who leaves one namespace stays in the other.
    const gone = once(admin, 'disconnect');
    admin.emit('leave');
    same((await gone)[0], 'io server disconnect', 'the reason');
    same(await ask(main, 'answer', 'still here'), ['still here']);
  };

  stories['refusals'] = async client => {
    const main = await opened(client);
    const event = client.version >= 3 ? 'connect_error' : 'error';
    const admin = namespace(client, main, '/admin', 'wrong');
    const [refusal] = await once(admin, event);
    // Older clients are told one of both only.
    if (client.version >= 3) same(refusal.message, 'wrong token', 'the refusal');
    same(client.version >= 3 ? refusal.data : refusal, {code: 7}, 'the data of the refusal');
    const nowhere = namespace(client, main, '/nowhere', '');
    const [unknown] = await once(nowhere, event);
    same(unknown.message || unknown, 'Invalid namespace');
    same(await ask(main, 'answer', 'still here'), ['still here']);
  };

  stories['order'] = async client => {
    const socket = await opened(client);
    const received = many(socket, 'number', COUNT);
    // Both ways at the same time, and beside the upgrade.
    socket.emit('count', COUNT);
    numbers(COUNT).forEach(number => socket.emit('number', number));
    same(await received, numbers(COUNT), 'received');
    same(await ask(socket, 'numbers'), [numbers(COUNT)], 'sent');
    await settled(client, socket);
  };

  stories['the client disconnects'] = async client => {
    const socket = await opened(client);
    await ask(socket, 'remember', client.name + client.mode);
    const gone = once(socket, 'disconnect');
    socket.disconnect();
    same((await gone)[0], 'io client disconnect', 'the reason');
    const other = await opened(client);
    same(await ask(other, 'is gone', client.name + client.mode), [true]);
  };

  stories['the server disconnects'] = async client => {
    const socket = await opened(client);
    const gone = once(socket, 'disconnect');
    const last = once(socket, 'last');
    socket.emit('last words', false);
    same(await last, ['goodbye']);
    same((await gone)[0], 'io server disconnect', 'the reason');
  };

  stories['the server closes the connection'] = async client => {
    const socket = await opened(client);
    const [gone, last] = [once(socket, 'disconnect'), once(socket, 'last')];
    socket.emit('last words', true);
    same(await last, ['goodbye']);
    same((await gone)[0], 'io server disconnect', 'the reason');
  };

  stories['the server restarts'] = async client => {
    const socket = await opened(client);
    await settled(client, socket);
    const before = (await ask(socket, 'who'))[0].id;
    const gone = once(socket, 'disconnect');
    await client.order('stop');
    const [reason] = await gone;
    // Between two polls it is a poll that fails.
    if (!(reason === 'transport error' && ENDS[client.mode] === 'polling')) {
      same(reason, 'transport close', 'the reason');
    }
    const kept = ask(socket, 'answer', 'sent while it was down');
    const [back, welcome] = [once(socket.io, 'reconnect'), once(socket, 'welcome')];
    await client.order('start');
    await back;
    same(await welcome, ['main']);
    same(await kept, ['sent while it was down']);
    const [{id}] = await ask(socket, 'who');
    same([id, id === before], [socket.id, false], 'the id');
    await settled(client, socket);
  };

  // Runs stories one after the other, up to the first that does not end. Returns by story what went
  // wrong, or null.
  exports.run = async function (client, names, deadline) {
    const results = {};
    let late = false;
    for (const name of names) {
      waiting.clear();
      let timer;
      const over = new Promise((_, reject) => {
        timer = setTimeout(() => {
          late = true;
          reject(new Error('too late; waits for ' + Array.from(waiting).join(', ')));
        }, deadline * 1000);
      });
      results[name] = null;
      try {
        await Promise.race([client.stories[name](client), over]);
      } catch (error) {
        results[name] = String(error.message);
      }
      clearTimeout(timer);
      client.sockets.splice(0).forEach(socket => socket.close());
      if (late) break;
    }
    return results;
  };

  Object.assign(exports, {MODES, ENDS, once, many, same, numbers, wait});
})(typeof module === 'object' ? module.exports : (window.stories = {}));
