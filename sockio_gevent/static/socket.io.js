/*
 * The browser client of sockio_gevent. MIT License.
 *
 *   var socket = new io.Socket();
 *   socket.on('connect', function () { socket.send('hello'); });
 *   socket.on('message', function (message) { ... });
 *   socket.on('disconnect', function () { ... });
 *
 * ECMAScript 5 and nothing newer, no build step, no dependency.
 *
 * Three parts: the framing of messages, the transports (io.Transport, which
 * further ones can join), and io.Socket, which chooses among them, connects
 * and reconnects.
 */
(function (window) {
  'use strict';

  var io = window.io = { version: '0.1.0' };
  var FRAME = '~m~', HEARTBEAT = '~h~', JSON_MARK = '~j~';
  var has = Object.prototype.hasOwnProperty;

  function merge(target, additions) {
    for (var name in additions) {
      if (has.call(additions, name)) target[name] = additions[name];
    }
    return target;
  }

  // --- framing: ~m~<length in UTF-16 code units>~m~<text> ---

  function marked(text, mark) {
    return text.slice(0, 3) === mark;
  }

  /*
   * A string or anything with a JSON form, as one framed message. A string
   * that looks like a heartbeat or like JSON would be taken for one, so it
   * goes as JSON itself.
   */
  function encode(message) {
    var text = message;
    if (typeof text !== 'string' || marked(text, HEARTBEAT) || marked(text, JSON_MARK)) {
      text = JSON_MARK + JSON.stringify(message === undefined ? null : message);
    }
    return frame(text);
  }

  function frame(text) {
    // UTF-8 has no lone surrogates: WebSocket would replace them silently,
    // encodeURIComponent would throw.
    if (/[\uD800-\uDFFF]/.test(text)) {
      text = text.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, function (found) {
        return found.length === 2 ? found : '\uFFFD';
      });
    }
    return FRAME + text.length + FRAME + text;
  }

  /* The texts in a payload, up to the first mistake in it. */
  function decode(payload) {
    var texts = [], position = 0, start, length;
    while (payload.substr(position, 3) === FRAME) {
      start = payload.indexOf(FRAME, position + 3);
      length = payload.slice(position + 3, start);
      if (start < 0 || !/^[0-9]{1,15}$/.test(length)) break;
      start += 3;
      position = start + Number(length);
      if (position > payload.length) break;
      texts.push(payload.slice(start, position));
    }
    return texts;
  }

  // --- transports ---

  /*
   * What all transports share. A transport has a type and three methods,
   * open(), write(payload) and close(), and calls opened data and lost ends
   * back through onData(payload) and onEnd(). It is used for one connection.
   *
   * To add one: inherit from io.Transport, put the constructor into
   * io.Transport under its type, and give it check(xdomain), which says
   * whether this browser can use it.
   */
  function Transport(socket, options) {
    this.socket = socket;
    this.options = merge({ timeout: 15000 }, options);
    this.sessionid = null;
    this.connected = false;
    this.ended = false;
  }

  io.Transport = Transport;

  Transport.inherit = function (constructor, type, parent) {
    constructor.prototype = Object.create((parent || Transport).prototype);
    constructor.prototype.constructor = constructor;
    constructor.prototype.type = type;
    Transport[type] = constructor;
  };

  Transport.prototype.connect = function () {
    this.open();
  };

  Transport.prototype.send = function (message) {
    this.write(encode(message));
  };

  Transport.prototype.disconnect = function () {
    this.ended = true;
    clearTimeout(this.silence);
    this.close();
  };

  /* <scheme>://<host>:<port>/<resource>/<type>/<session id> */
  Transport.prototype.url = function (scheme) {
    var options = this.socket.options;
    return scheme + (options.secure ? 's' : '') + '://' + this.socket.host + ':' + options.port +
      '/' + options.resource + '/' + this.type + '/' + (this.sessionid || '');
  };

  Transport.prototype.onData = function (payload) {
    var texts = decode(payload);
    this.onAlive();
    for (var i = 0; i < texts.length && !this.ended; i++) this.onText(texts[i]);
  };

  /* The server is never silent for longer than a heartbeat or a poll takes. */
  Transport.prototype.onAlive = function () {
    var self = this;
    clearTimeout(this.silence);
    this.silence = setTimeout(function () {
      self.onEnd();
    }, this.options.timeout);
  };

  Transport.prototype.onText = function (text) {
    var isJSON = marked(text, JSON_MARK), value = text;
    if (isJSON) {
      try {
        value = JSON.parse(text.slice(3));
      } catch (error) {
        return;
      }
    }
    if (this.sessionid === null) {
      this.sessionid = isJSON ? value.sessionid : text;
      this.connected = true;
      this.socket.onConnect(this);
    } else if (marked(text, HEARTBEAT)) {
      this.write(frame(text));
    } else {
      this.socket.emit('message', [value]);
    }
  };

  /* The connection is over, and not because disconnect() was called. */
  Transport.prototype.onEnd = function () {
    if (this.ended) return;
    this.disconnect();
    this.socket.onEnd(this);
  };

  // --- websocket ---

  function NativeWebSocket() {
    return window.WebSocket || window.MozWebSocket;
  }

  function WebSocketTransport() {
    Transport.apply(this, arguments);
  }

  Transport.inherit(WebSocketTransport, 'websocket');

  WebSocketTransport.prototype.open = function () {
    var self = this, Native = NativeWebSocket();
    try {
      this.native = new Native(this.url('ws'));
    } catch (error) {
      // Blocked by the page's own policy; an answer that is awaited, so it must not come at once.
      setTimeout(function () { self.onEnd(); }, 0);
      return;
    }
    this.native.onmessage = function (event) {
      if (!self.ended) self.onData(event.data);
    };
    this.native.onclose = function () { self.onEnd(); };
  };

  WebSocketTransport.prototype.write = function (payload) {
    this.native.send(payload);
  };

  WebSocketTransport.prototype.close = function () {
    if (this.native) this.native.close();
  };

  WebSocketTransport.check = function () {
    var Native = NativeWebSocket();
    // A Flash stand-in has a transport of its own.
    return Boolean(Native) && !('__addTask' in Native);
  };

  // --- xhr-polling ---

  // A batch stays well below what servers accept as one body.
  var LARGEST_BATCH = 64 * 1024;

  /* Runs a request; done(status, text) is called once, with status 0 if it failed. */
  function request(method, url, xdomain, body, done) {
    var xhr = new XMLHttpRequest();
    xhr.open(method, url, true);
    if (xdomain) xhr.withCredentials = true;
    if (body !== null) {
      xhr.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded; charset=UTF-8');
    }
    xhr.onreadystatechange = function () {
      if (xhr.readyState !== 4) return;
      xhr.onreadystatechange = null;
      done(xhr.status, xhr.responseText);
    };
    xhr.send(body);
    return xhr;
  }

  function XHRPolling() {
    Transport.apply(this, arguments);
    this.queue = [];
    this.posting = false;
  }

  Transport.inherit(XHRPolling, 'xhr-polling');

  XHRPolling.prototype.open = function () {
    this.poll();
  };

  XHRPolling.prototype.poll = function () {
    var self = this;
    // The time keeps caches out. It makes the third form of the address if
    // the session id is still empty.
    this.polling = request('GET', this.url('http') + '/' + Date.now(), this.socket.isXDomain(), null,
      function (status, text) {
        if (self.ended) return;
        // Something in between may answer 200 with a page of its own.
        if (status !== 200 || (text && !marked(text, FRAME))) return self.onEnd();
        self.onData(text);
        if (!self.ended) self.poll();
      });
  };

  XHRPolling.prototype.write = function (payload) {
    this.queue.push(payload);
    this.post();
  };

  /* One POST at a time, so that messages stay in order. */
  XHRPolling.prototype.post = function () {
    var self = this, batch = '';
    if (this.posting || !this.queue.length) return;
    do {
      batch += this.queue.shift();
    } while (this.queue.length && batch.length + this.queue[0].length < LARGEST_BATCH);
    this.posting = true;
    request('POST', this.url('http') + '/send', this.socket.isXDomain(),
      'data=' + encodeURIComponent(batch), function (status) {
        self.posting = false;
        if (status === 200) self.post();
        else self.onEnd();
      });
  };

  XHRPolling.prototype.close = function () {
    // What was sent before goes on being posted; only the poll ends.
    if (this.polling) {
      this.polling.onreadystatechange = null;
      this.polling.abort();
    }
  };

  XHRPolling.check = function (xdomain) {
    return 'XMLHttpRequest' in window && (!xdomain || 'withCredentials' in new XMLHttpRequest());
  };

  // --- the socket ---

  /*
   * A connection to the server, kept up as long as it can be.
   *
   * host: the server's name, by default the page's.
   * options, with their defaults (times in milliseconds):
   *   secure                         as the page
   *   port                           as the page
   *   resource                       'socket.io'
   *   document                       document; where the cookie of rememberTransport is kept
   *   transports                     what to try, in order
   *   transportOptions               {type: {timeout: how long the server may be silent}}
   *   autoConnect                    true: connect() on the next turn of the event loop
   *   connectTimeout                 5000 for each transport
   *   tryTransportsOnConnectTimeout  true: when one does not connect, try the next
   *   rememberTransport              true: begin with the one that worked last
   *   reconnect                      true
   *   reconnectionDelay              500, and twice as long after each attempt
   *   maxReconnectionAttempts        10
   */
  function Socket(host, options) {
    var self = this;
    var location = window.location;
    this.host = host || location.hostname;
    this.options = merge({
      secure: location.protocol === 'https:',
      resource: 'socket.io',
      document: window.document,
      transports: ['websocket', 'xhr-polling'],
      transportOptions: {},
      autoConnect: true,
      connectTimeout: 5000,
      tryTransportsOnConnectTimeout: true,
      rememberTransport: true,
      reconnect: true,
      reconnectionDelay: 500,
      maxReconnectionAttempts: 10
    }, options);
    this.options.port = this.options.port || location.port || (this.options.secure ? 443 : 80);
    this.options.transportOptions = merge({
      'xhr-polling': { timeout: 25000 },
      'jsonp-polling': { timeout: 25000 }
    }, this.options.transportOptions);
    this.connected = this.connecting = this.reconnecting = false;
    this.transport = null;
    this.events = {};
    this.queue = [];
    if (this.options.autoConnect) {
      this.timer = setTimeout(function () { self.connect(); }, 0);
    }
  }

  io.Socket = Socket;

  /* Connect, unless that is done or under way; listener is called once connected. */
  Socket.prototype.connect = function (listener) {
    if (typeof listener === 'function') this.once('connect', listener);
    if (!this.connected && !this.connecting) this.begin();
    return this;
  };

  /* End the connection, or the attempts at one; connect() begins anew. */
  Socket.prototype.disconnect = function () {
    var wasConnected = this.connected;
    this.stop();
    this.reconnecting = false;
    if (wasConnected) this.emit('disconnect');
    return this;
  };

  /* Send a string or anything with a JSON form; kept until connected. */
  Socket.prototype.send = function (message) {
    if (this.connected) this.transport.send(message);
    else this.queue.push(message);
    return this;
  };

  Socket.prototype.isXDomain = function () {
    var location = window.location, secure = location.protocol === 'https:';
    return this.host !== location.hostname || Boolean(this.options.secure) !== secure ||
      String(this.options.port) !== (location.port || (secure ? '443' : '80'));
  };

  /* Go through the transports until one connects. */
  Socket.prototype.begin = function () {
    clearTimeout(this.timer);
    this.connecting = true;
    this.candidates = this.usable();
    if (!this.candidates.length && window.console) {
      window.console.error('socket.io: none of the transports works in this browser');
    }
    this.tryNext();
  };

  Socket.prototype.usable = function () {
    var xdomain = this.isXDomain(), remembered = this.remembered();
    var types = this.options.transports.filter(function (type) {
      return has.call(Transport, type) && Transport[type].check && Transport[type].check(xdomain);
    });
    var at = types.indexOf(remembered);
    if (at > 0) types.unshift(types.splice(at, 1)[0]);
    return types;
  };

  Socket.prototype.tryNext = function () {
    var self = this, type = this.candidates.shift(), transport;
    if (type === undefined) return this.onFailure();
    transport = new Transport[type](this, this.options.transportOptions[type]);
    this.transport = transport;
    this.emit('connecting', [type]);
    if (this.transport !== transport) return;  // a listener has called disconnect()
    if (this.options.connectTimeout) {
      this.timer = setTimeout(function () { transport.onEnd(); }, this.options.connectTimeout);
    }
    transport.connect();
  };

  Socket.prototype.stop = function () {
    var transport = this.transport;
    clearTimeout(this.timer);
    this.connected = this.connecting = false;
    this.transport = null;
    if (transport) transport.disconnect();
  };

  Socket.prototype.onConnect = function (transport) {
    var again = this.reconnecting, attempts = this.attempts, queue = this.queue;
    clearTimeout(this.timer);
    this.connected = true;
    this.connecting = this.reconnecting = false;
    this.remember(transport.type);
    this.queue = [];
    for (var i = 0; i < queue.length; i++) transport.send(queue[i]);
    this.emit('connect');
    if (again) this.emit('reconnect', [transport.type, attempts]);
  };

  /* A transport has ended by itself: before it was connected, or after. */
  Socket.prototype.onEnd = function (transport) {
    if (transport !== this.transport) return;
    clearTimeout(this.timer);
    if (this.connecting) {
      if (!this.options.tryTransportsOnConnectTimeout) this.candidates = [];
      return this.tryNext();
    }
    this.connected = false;
    this.transport = null;
    this.attempts = 0;
    this.reconnecting = Boolean(this.options.reconnect);
    this.emit('disconnect');
    if (this.reconnecting) this.wait();
  };

  /* No transport has connected. */
  Socket.prototype.onFailure = function () {
    this.connecting = false;
    this.transport = null;
    if (this.reconnecting) this.wait();
    else this.emit('connect_failed');
  };

  /* Wait for the next attempt to reconnect, longer each time. */
  Socket.prototype.wait = function () {
    var self = this, delay = this.options.reconnectionDelay * Math.pow(2, this.attempts);
    if (this.attempts >= this.options.maxReconnectionAttempts) {
      this.reconnecting = false;
      this.emit('reconnect_failed');
      return;
    }
    this.attempts += 1;
    this.timer = setTimeout(function () { self.begin(); }, delay);
    this.emit('reconnecting', [delay, this.attempts]);
  };

  // Pages without access to cookies (sandboxed frames) just do not remember.

  Socket.prototype.remember = function (type) {
    if (!this.options.rememberTransport) return;
    try {
      this.options.document.cookie = 'socketio=' + encodeURIComponent(type) + '; path=/; SameSite=Lax';
    } catch (error) { /* see above */ }
  };

  Socket.prototype.remembered = function () {
    var found = null;
    if (!this.options.rememberTransport) return null;
    try {
      found = /(?:^|;)\s*socketio=([^;]*)/.exec(this.options.document.cookie);
      return found && decodeURIComponent(found[1]);
    } catch (error) {
      return null;
    }
  };

  // --- events ---

  Socket.prototype.on = function (name, listener) {
    if (!has.call(this.events, name)) this.events[name] = [];
    this.events[name].push(listener);
    return this;
  };

  Socket.prototype.once = function (name, listener) {
    var self = this;
    function wrapper() {
      self.removeEvent(name, wrapper);
      listener.apply(self, arguments);
    }
    wrapper.listener = listener;
    return this.on(name, wrapper);
  };

  Socket.prototype.removeEvent = function (name, listener) {
    if (has.call(this.events, name)) {
      this.events[name] = this.events[name].filter(function (each) {
        return each !== listener && each.listener !== listener;
      });
    }
    return this;
  };

  Socket.prototype.emit = function (name, parameters) {
    var listeners = has.call(this.events, name) ? this.events[name].slice() : [];
    for (var i = 0; i < listeners.length; i++) {
      try {
        listeners[i].apply(this, parameters || []);
      } catch (error) {
        rethrow(error);
      }
    }
    return this;
  };

  /* A listener that fails is reported, and costs no other listener and no message. */
  function rethrow(error) {
    setTimeout(function () { throw error; }, 0);
  }

  Socket.prototype.addListener = Socket.prototype.addEvent =
    Socket.prototype.addEventListener = Socket.prototype.on;
  Socket.prototype.removeListener = Socket.prototype.removeEventListener =
    Socket.prototype.removeEvent;
}(this));
