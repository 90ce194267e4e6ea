'use strict';
// Runs the stories with one released client in Node. The argument is JSON: {client, folder, url, mode,
// texts, deadline, without}: without is a list of stories. Prints JSON lines: {order} asks the test to do something and waits for a line on the
// standard input, {results} is the end.

const readline = require('readline');
const {createRequire} = require('module');
const {run} = require('./stories');

const told = JSON.parse(process.argv[2]);
const answers = readline.createInterface({input: process.stdin})[Symbol.asyncIterator]();
const print = what => process.stdout.write(JSON.stringify(what) + '\n');
const require_ = createRequire(told.folder + '/');
const [, project, version] = /^(socket|engine)\.io-client-([\d.]+)/.exec(told.client);

// What older versions can send in Node.
const binary = [bytes => Buffer.from(bytes)];
if (project === 'engine' || version >= 2.5) binary.push(bytes => new Uint8Array(bytes).buffer);
// Clients of Socket.IO 1 and 2 take these for objects. Its buffer has more than the view shows.
if (project === 'engine' || version >= 3) {
  binary.push(bytes => new Uint8Array([7, ...bytes, 7]).subarray(1, bytes.length + 1));
}

async function main() {
  const {stories} = require(project === 'socket' ? './stories' : './engineio_stories');
  const client = {
    library: require_(told.client),
    name: told.client,
    version: Number(version),
    url: told.url,
    mode: told.mode,
    texts: told.texts,
    binary,
    stories,
    sockets: [],
    async order(what) {
      print({order: what});
      await answers.next();
    },
  };
  const names = Object.keys(stories).filter(name => !told.without.includes(name));
  print({results: await run(client, names, told.deadline)});
  process.exit(0);
}

main();
