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
 * In this order: the framing of messages; requests; why connections end; the
 * transports (io.Transport, which further ones can join); and io.Socket: its
 * methods, how it connects, what it does at an end, what it remembers, events.
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
   * How a message is spelled: a string as it is, anything else as JSON. A
   * string that looks like a heartbeat or like JSON would be taken for one,
   * so it goes as JSON itself.
   */
  function spell(message) {
    if (typeof message === 'string' && !marked(message, HEARTBEAT) && !marked(message, JSON_MARK)) {
      return message;
    }
    return JSON_MARK + JSON.stringify(message === undefined ? null : message);
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

  /* The texts in a payload, up to the first mistake in it, and where that is. */
  function decode(payload, begin) {
    var texts = [], position = begin || 0, start, length, end;
    while (payload.substr(position, 3) === FRAME) {
      start = payload.indexOf(FRAME, position + 3);
      length = payload.slice(position + 3, start);
      if (start < 0 || !/^[0-9]{1,15}$/.test(length)) break;
      start += 3;
      end = start + Number(length);
      if (end > payload.length) break;
      texts.push(payload.slice(start, end));
      position = end;
    }
    return { texts: texts, end: position };
  }

  // --- requests ---

  function canRequest(xdomain) {
    return 'XMLHttpRequest' in window && (!xdomain || 'withCredentials' in new XMLHttpRequest());
  }

  /* Starts a request; done(why, body) is called once at its end. */
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
      done(toldBy(xhr), xhr.responseText);
    };
    xhr.send(body);
    return xhr;
  }

  function abort(xhr) {
    if (!xhr) return;
    xhr.onreadystatechange = null;
    xhr.abort();
  }

  // --- why a connection has ended, or none has begun ---

  /*
   * Why is an object: status is that of an answer, reason is one of REASONS,
   * text is in the server's words. What is not known is not there. Without a
   * status and a reason, the server can be asked.
   */
  var REASONS = ['client_closed', 'disconnected', 'going_away', 'heartbeat_lost', 'limit_exceeded',
    'protocol_error', 'refused', 'connection_lost'];
  var OF_STATUS = { 400: 'protocol_error', 401: 'refused', 403: 'refused', 408: 'limit_exceeded',
    413: 'limit_exceeded', 429: 'limit_exceeded', 431: 'limit_exceeded', 503: 'going_away' };
  var OF_CLOSE_CODE = { 1001: 'going_away', 1002: 'protocol_error', 1003: 'protocol_error',
    1007: 'protocol_error', 1008: 'limit_exceeded', 1009: 'limit_exceeded' };

  /* What an answer says; a page that something in between has made has no text for us. */
  function toldBy(xhr) {
    var ours = xhr.status && /^text\/plain/.test(xhr.getResponseHeader('Content-Type'));
    return xhr.status ? { status: xhr.status, text: ours ? xhr.responseText.trim() : '' } : {};
  }

  function toldByClose(event) {
    // What stands in for WebSocket may say less.
    var code = event && event.code, text = event && event.reason || '';
    var reason = OF_CLOSE_CODE[code];
    // Proxies close with 1000, too, but have nothing to say.
    if (code === 1000 && text && !/^replaced/.test(text)) reason = 'disconnected';
    if (code === 1011 && /^heartbeat/.test(text)) reason = 'heartbeat_lost';
    return { reason: reason || 'connection_lost', text: text };
  }

  /* The arguments of the event 'disconnect'. */
  function reasonOf(why) {
    var text = why.text || '', ended = /^this session has ended \((\w+)\): (.*)/.exec(text);
    var reason = ended ? ended[1] : why.reason || OF_STATUS[why.status];
    return [REASONS.indexOf(reason) < 0 ? 'connection_lost' : reason, ended ? ended[2] : text];
  }

  /* Whether a status says no to this client, and not only to this transport or for now. */
  function isRefusal(status) {
    return status > 400 && status < 500 && [404, 405, 408, 426].indexOf(status) < 0;
  }

  // --- transports ---

  /*
   * What all transports share. A transport has a type and three methods,
   * open(), write(payload) and close(), and tells of data and of its end by
   * onData(payload) and onEnd(why). It is used for one connection.
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
    if (type) {
      constructor.prototype.type = type;
      Transport[type] = constructor;
    }
  };

  Transport.prototype.connect = function () {
    var self = this;
    if (this.holdsUpLoading && document.readyState !== 'complete') {
      window.addEventListener('load', function () {
        // The load event itself is not over before its listeners are.
        setTimeout(function () { if (!self.ended) self.start(); }, 0);
      });
    } else {
      this.start();
    }
  };

  Transport.prototype.start = function () {
    var self = this;
    function giveUp() { self.onEnd({}); }
    if (this.socket.options.connectTimeout) {
      this.patience = setTimeout(giveUp, this.socket.options.connectTimeout);
    }
    try {
      this.open();
    } catch (error) {
      // Forbidden by the page's policy, say. Not at once: an end is never awaited inside connect().
      setTimeout(giveUp, 0);
    }
  };

  /* Send a message that is spelled already. */
  Transport.prototype.send = function (text) {
    this.write(frame(text));
  };

  /* After the end: the messages that have surely not left the page. */
  Transport.prototype.unsent = function () {
    return [];
  };

  /* After the end: whether messages are on their way, and the answer will tell if they were taken. */
  Transport.prototype.isPending = function () {
    return false;
  };

  Transport.prototype.disconnect = function () {
    this.ended = true;
    clearTimeout(this.silence);
    clearTimeout(this.patience);
    this.close();
  };

  /* <scheme>://<host>:<port>/<resource>/<type>/<session id>; without the last if there is none. */
  Transport.prototype.url = function (scheme) {
    var options = this.socket.options;
    return scheme + (options.secure ? 's' : '') + '://' + this.socket.host + ':' + options.port +
      '/' + options.resource + '/' + this.type + (this.sessionid ? '/' + this.sessionid : '');
  };

  Transport.prototype.onData = function (payload) {
    var texts = decode(payload).texts;
    this.onAlive();
    for (var i = 0; i < texts.length && !this.ended; i++) this.onText(texts[i]);
  };

  /* The server is never silent for longer than a heartbeat or a poll takes. */
  Transport.prototype.onAlive = function () {
    var self = this, timeout = this.options.timeout;
    clearTimeout(this.silence);
    this.silence = setTimeout(function () {
      var text = 'nothing has come for ' + timeout / 1000 + ' s';
      // Before there is a session it is a transport that does not work.
      self.onEnd(self.connected ? { reason: 'heartbeat_lost', text: text } : {});
    }, timeout);
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
      clearTimeout(this.patience);
      this.socket.onConnect(this);
    } else if (marked(text, HEARTBEAT)) {
      this.send(text);
    } else {
      this.socket.emit('message', [value]);
    }
  };

  /* The connection is over, and not because disconnect() was called. */
  Transport.prototype.onEnd = function (why) {
    if (this.ended) return;
    this.disconnect();
    this.socket.onEnd(this, why || {});
  };

  function isMessage(text) {
    return !marked(text, HEARTBEAT);
  }

  // --- websocket ---

  function NativeWebSocket() {
    return window.WebSocket || window.MozWebSocket;
  }

  function WebSocketTransport() {
    Transport.apply(this, arguments);
    this.texts = [];
    this.size = 0;
    this.limit = Infinity;
  }

  Transport.inherit(WebSocketTransport, 'websocket');

  WebSocketTransport.prototype.open = function () {
    var self = this, Native = NativeWebSocket();
    this.native = new Native(this.url('ws'));
    this.native.onmessage = function (event) {
      if (!self.ended) self.onData(event.data);
    };
    this.native.onclose = function (event) {
      var over = event && event.code === 1009 && /over (\d+) bytes$/.exec(event.reason);
      self.limit = over ? Number(over[1]) : Infinity;
      // Before there is a session, a browser does not tell a refusal from a broken line.
      self.onEnd(self.connected ? toldByClose(event) : {});
    };
  };

  WebSocketTransport.prototype.write = function (payload) {
    this.native.send(payload);
  };

  /* Texts that the browser may still have in its buffer are kept. */
  WebSocketTransport.prototype.send = function (text) {
    var buffered;
    Transport.prototype.send.call(this, text);
    this.texts.push(text);
    this.size += text.length;
    buffered = this.native.bufferedAmount || 0;
    // The first has left if those behind it would fill the buffer.
    while (this.texts.length && this.size - this.texts[0].length >= buffered) {
      this.size -= this.texts.shift().length;
    }
  };

  WebSocketTransport.prototype.unsent = function () {
    var native = this.native, first = this.texts.length;
    // While it is not closed, the browser may still send what it has.
    var left = native && native.readyState === 3 ? native.bufferedAmount : 0;
    var length;
    while (left > 0 && first > 0) {
      first -= 1;
      length = unescape(encodeURIComponent(frame(this.texts[first]))).length;
      left -= length;
    }
    // The server has refused the message of which the browser was sending the rest.
    if (length > this.limit) first += 1;
    return this.texts.slice(first).filter(isMessage);
  };

  WebSocketTransport.prototype.close = function () {
    if (this.native) this.native.close();
  };

  WebSocketTransport.check = function () {
    var Native = NativeWebSocket();
    // A Flash stand-in has a transport of its own.
    return Boolean(Native) && !('__addTask' in Native);
  };

  // --- flashsocket: a WebSocket that a Flash shim on the page provides ---

  function FlashSocket() {
    WebSocketTransport.apply(this, arguments);
  }

  Transport.inherit(FlashSocket, 'flashsocket', WebSocketTransport);

  FlashSocket.prototype.open = function () {
    var self = this;
    window.WebSocket.__addTask(function () {
      if (!self.ended) WebSocketTransport.prototype.open.call(self);
    });
  };

  FlashSocket.check = function () {
    return Boolean(window.WebSocket) && '__addTask' in window.WebSocket;
  };

  // --- what the HTTP transports share: messages go to the server in POSTs ---

  // A batch stays well below what servers accept as one body.
  var LARGEST_BATCH = 64 * 1024;

  function HTTPTransport() {
    Transport.apply(this, arguments);
    this.queue = [];
    // The texts of the POST that is under way.
    this.posting = null;
    this.lost = false;
  }

  Transport.inherit(HTTPTransport);

  /*
   * The time keeps caches out. Without a session id before it, it opens a
   * session; two slashes would say so as well, but proxies make one of them.
   */
  HTTPTransport.prototype.downlink = function () {
    return this.url('http') + '/' + Date.now();
  };

  HTTPTransport.prototype.framed = frame;

  HTTPTransport.prototype.send = function (text) {
    this.queue.push(text);
    this.flush();
  };

  /* Without its downlink a session may end: what the page sent before is posted first. */
  HTTPTransport.prototype.close = function () {
    if (this.lost || !this.posting) this.hangUp();
  };

  HTTPTransport.prototype.onEnd = function (why) {
    // Nothing more is posted to a session that is lost.
    if (!this.ended) this.lost = true;
    Transport.prototype.onEnd.call(this, why);
  };

  HTTPTransport.prototype.unsent = function () {
    return this.queue.splice(0).filter(isMessage);
  };

  HTTPTransport.prototype.isPending = function () {
    return Boolean(this.posting) && this.posting.concat(this.queue).some(isMessage);
  };

  /* One POST at a time, so that messages stay in order. */
  HTTPTransport.prototype.flush = function () {
    var self = this, batch = '', count = 0, texts;
    if (this.posting || this.lost || !this.queue.length) return;
    do {
      batch += this.framed(this.queue[count]);
      count += 1;
    } while (count < this.queue.length && batch.length + this.queue[count].length < LARGEST_BATCH);
    texts = this.queue.splice(0, count);
    this.posting = texts;
    this.post(batch, function (why) {
      self.posting = null;
      if (why.status === 200) self.flush();
      else self.onPostFailed(texts, why);
      if (!self.ended || self.posting) return;
      self.close();
      self.socket.onSettled(self);
    });
  };

  HTTPTransport.prototype.onPostFailed = function (texts, why) {
    // The server can be asked why.
    var ended = why.status === 404 && /^the session ended before/.test(why.text);
    var partly = ended && /messages were taken$/.test(why.text);
    // Answered in this way before any message was taken. Otherwise they may have arrived.
    var refused = !partly && (why.status === 404 || why.status === 503);
    if (refused) this.queue = texts.concat(this.queue);
    this.onEnd(ended ? {} : why);
  };

  HTTPTransport.prototype.post = function (payload, done) {
    request('POST', this.url('http') + '/send', this.socket.isXDomain(),
      'data=' + encodeURIComponent(payload), done);
  };

  // --- server-events ---

  function ServerEvents() {
    HTTPTransport.apply(this, arguments);
  }

  Transport.inherit(ServerEvents, 'server-events', HTTPTransport);

  ServerEvents.prototype.open = function () {
    var self = this;
    this.source = new EventSource(this.downlink(), { withCredentials: this.socket.isXDomain() });
    this.source.onmessage = function (event) {
      if (!self.ended) self.onData(JSON.parse(event.data));
    };
    this.source.onerror = function () {
      // It would connect again by itself, to the address of a new session.
      self.hangUp();
      self.onEnd({});
    };
  };

  ServerEvents.prototype.hangUp = function () {
    if (this.source) this.source.close();
  };

  ServerEvents.check = function (xdomain) {
    return 'EventSource' in window && canRequest(xdomain);
  };

  // --- htmlfile: a document that never ends, in an iframe ---

  function HTMLFile() {
    HTTPTransport.apply(this, arguments);
  }

  Transport.inherit(HTMLFile, 'htmlfile', HTTPTransport);

  // A frame or a script that is fetched while the page loads is a part of it.
  HTMLFile.prototype.holdsUpLoading = true;

  HTMLFile.prototype.open = function () {
    var self = this, inner, stream;
    // The stream is a frame inside a blank document of its own, so that its
    // parent.s is not a name on the page.
    this.frame = document.createElement('iframe');
    this.frame.style.display = 'none';
    (document.body || document.documentElement).appendChild(this.frame);
    inner = this.frame.contentWindow;
    inner.document.open();
    inner.document.write('<!doctype html><body></body>');
    inner.document.close();
    inner.s = {
      _: function (payload, document) {
        var script = document.getElementsByTagName('script')[0];
        // What has run is taken out, or the document would grow for ever.
        script.parentNode.removeChild(script);
        if (!self.ended) self.onData(payload);
      }
    };
    stream = inner.document.createElement('iframe');
    stream.onload = function () { self.onEnd({}); };
    stream.src = this.downlink();
    inner.document.body.appendChild(stream);
  };

  HTMLFile.prototype.hangUp = function () {
    var frame = this.frame;
    // Not at once: this may be called from a script inside that very frame.
    setTimeout(function () {
      if (frame && frame.parentNode) frame.parentNode.removeChild(frame);
    }, 0);
  };

  HTMLFile.check = function (xdomain) {
    return !xdomain && canRequest(false);
  };

  // --- xhr-multipart: an answer that is read as it grows ---

  var PART = 'Content-Type: text/plain\n\n';
  // Where the answer has grown so large, the stream moves on to a new one.
  var LARGEST_ANSWER = 1024 * 1024;

  function XHRMultipart() {
    HTTPTransport.apply(this, arguments);
  }

  Transport.inherit(XHRMultipart, 'xhr-multipart', HTTPTransport);

  XHRMultipart.prototype.open = function () {
    this.current = this.stream();
  };

  XHRMultipart.prototype.stream = function () {
    var self = this, xhr = new XMLHttpRequest(), native = xhr.multipart === false;
    xhr.open('GET', this.downlink(), true);
    if (this.socket.isXDomain()) xhr.withCredentials = true;
    if (native) xhr.multipart = true;
    else if (xhr.overrideMimeType) xhr.overrideMimeType('text/plain; charset=UTF-8');
    xhr.boundary = '';
    xhr.onreadystatechange = function () {
      if (self.ended) return;
      // Browsers that know multipart tell each part as if it were a whole answer.
      if (native && xhr.readyState === 4 && xhr.status === 200) self.onData(xhr.responseText);
      else if (native && xhr.readyState === 4) self.onEnd(toldBy(xhr));
      else if (xhr === self.current && xhr.readyState >= 3) self.read();
    };
    xhr.send(null);
    return xhr;
  };

  /* Take all whole parts of the answer. */
  XHRMultipart.prototype.read = function () {
    var xhr = this.current, text = xhr.responseText, end;
    // The first line is the boundary; each answer has its own.
    if (!xhr.boundary) xhr.position = (xhr.boundary = text.slice(0, text.indexOf('\n') + 1)).length;
    while (xhr.boundary && !this.ended && text.substr(xhr.position, PART.length) === PART) {
      end = decode(text, xhr.position + PART.length).end;
      if (text.substr(end, xhr.boundary.length + 1) !== '\n' + xhr.boundary) break;
      this.onData(text.slice(xhr.position + PART.length, end));
      xhr.position = end + 1 + xhr.boundary.length;
    }
    if (this.ended) return;
    if (xhr.readyState !== 4) {
      // The server ends the older stream when it has the newer, which is read after it.
      if (text.length > LARGEST_ANSWER && !this.next) this.next = this.stream();
    } else if (this.next) {
      this.current = this.next;
      this.next = null;
      this.read();
    } else {
      this.onEnd(xhr.status === 200 ? {} : toldBy(xhr));
    }
  };

  XHRMultipart.prototype.hangUp = function () {
    abort(this.current);
    abort(this.next);
  };

  XHRMultipart.check = canRequest;

  // --- xhr-polling ---

  function XHRPolling() {
    HTTPTransport.apply(this, arguments);
  }

  Transport.inherit(XHRPolling, 'xhr-polling', HTTPTransport);

  XHRPolling.prototype.open = function () {
    var self = this;
    this.poll = request('GET', this.downlink(), this.socket.isXDomain(), null,
      function (why, body) {
        if (self.ended) return;
        if (why.status !== 200) return self.onEnd(why);
        // Something in between may answer 200 with a page of its own.
        if (body && !marked(body, FRAME)) return self.onEnd({});
        self.onData(body);
        if (!self.ended) self.open();
      });
  };

  XHRPolling.prototype.hangUp = function () {
    abort(this.poll);
  };

  XHRPolling.check = canRequest;

  // --- jsonp-polling: a script element for each poll ---

  io.JSONP = [];

  function JSONPPolling() {
    HTTPTransport.apply(this, arguments);
    this.index = io.JSONP.length;
    io.JSONP.push(this);
  }

  Transport.inherit(JSONPPolling, 'jsonp-polling', HTTPTransport);

  JSONPPolling.prototype.holdsUpLoading = true;

  JSONPPolling.prototype.open = function () {
    var self = this, script = this.script = document.createElement('script');
    script.async = true;
    script.src = this.downlink() + '/' + this.index;
    // A script that has loaded without calling _() is not ours.
    script.onload = script.onerror = function () {
      if (script === self.script) self.onEnd({});
    };
    (document.head || document.documentElement).appendChild(script);
  };

  /* Called by the script that answers a poll. */
  JSONPPolling.prototype._ = function (payload) {
    if (this.ended) return;
    this.remove();
    this.onData(payload);
    if (!this.ended) this.open();
  };

  JSONPPolling.prototype.remove = function () {
    if (this.script) this.script.parentNode.removeChild(this.script);
    this.script = null;
  };

  JSONPPolling.prototype.hangUp = function () {
    this.remove();
    // A poll that is under way may still be answered.
    io.JSONP[this.index] = { _: function () {} };
  };

  JSONPPolling.prototype.framed = function (text) {
    // A form makes CRLF of every line break. The server makes that LF again,
    // so a string that has a CR goes as JSON, which writes it as an escape.
    var mangled = !canRequest(this.socket.isXDomain()) && /\r/.test(text);
    return frame(mangled ? JSON_MARK + JSON.stringify(text) : text);
  };

  JSONPPolling.prototype.post = function (payload, done) {
    if (canRequest(this.socket.isXDomain())) {
      HTTPTransport.prototype.post.call(this, payload, done);
    } else {
      postForm(this.downlink() + '/' + this.index, payload, done);
    }
  };

  /* Post a payload from a form into a hidden iframe. */
  function postForm(url, payload, done) {
    var holder = document.createElement('div'), name = 'socketio' + Math.random().toString().slice(2);
    var form, iframe;
    holder.style.display = 'none';
    holder.innerHTML = '<form method="POST" accept-charset="UTF-8"><textarea name="data"></textarea>' +
      '</form><iframe name="' + name + '"></iframe>';
    (document.body || document.documentElement).appendChild(holder);
    form = holder.firstChild;
    iframe = holder.lastChild;
    form.target = name;
    form.action = url;
    form.firstChild.value = payload;
    iframe.onload = function () {
      var answer = 'ok';
      try {
        // Some browsers tell of the blank page that a frame begins with.
        if (iframe.contentWindow.document.URL === 'about:blank') return;
        answer = iframe.contentWindow.document.body.textContent;
      } catch (error) { /* another origin's: the next poll will tell */ }
      setTimeout(function () { holder.parentNode.removeChild(holder); }, 0);
      done(answer === 'ok' ? { status: 200 } : {});
    };
    form.submit();
  }

  JSONPPolling.check = function () {
    return true;
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
   *   transports                     what to try, in order; by default all but jsonp-polling
   *   transportOptions               {type: {timeout: how long the server may be silent}}
   *   autoConnect                    true: connect() on the next turn of the event loop
   *   connectTimeout                 5000 for each transport
   *   tryTransportsOnConnectTimeout  true: when one does not connect, try the next
   *   rememberTransport              true: begin with the one that worked last
   *   reconnect                      true: try again, also if the first attempt fails
   *   reconnectOnServerDisconnect    false: also if the server has ended the session on purpose
   *   reconnectionDelay              500, and twice as long after each attempt
   *   reconnectionDelayMax           60000: it grows no further
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
      transports: ['websocket', 'server-events', 'flashsocket', 'htmlfile', 'xhr-multipart',
        'xhr-polling'],
      transportOptions: {},
      autoConnect: true,
      connectTimeout: 5000,
      tryTransportsOnConnectTimeout: true,
      rememberTransport: true,
      reconnect: true,
      reconnectOnServerDisconnect: false,
      reconnectionDelay: 500,
      reconnectionDelayMax: 60000,
      maxReconnectionAttempts: 10
    }, options);
    this.options.port = this.options.port || location.port || (this.options.secure ? 443 : 80);
    this.options.transportOptions = merge({
      'xhr-polling': { timeout: 25000 },
      'jsonp-polling': { timeout: 25000 }
    }, this.options.transportOptions);
    this.connected = this.connecting = this.reconnecting = this.waiting = false;
    this.transport = null;
    this.events = {};
    this.queue = [];
    this.pending = null;
    this.attempts = 0;
    this.stood = false;
    this.failedAt = null;
    if (this.options.autoConnect) {
      this.timer = setTimeout(function () { self.connect(); }, 0);
    }
  }

  io.Socket = Socket;

  /* Connect, unless that is done or under way; listener is called once connected. */
  Socket.prototype.connect = function (listener) {
    if (typeof listener === 'function') {
      if (this.connected) setTimeout(listener, 0);
      else this.once('connect', listener);
    }
    if (this.connected || this.connecting) return this;
    if (this.isHasty()) {
      if (!this.waiting) this.pause();
      return this;
    }
    if (!this.reconnecting) {
      this.attempts = 0;
      this.stood = false;
    }
    this.begin();
    return this;
  };

  /* End the connection, or the attempts at one; connect() begins anew. */
  Socket.prototype.disconnect = function () {
    var wasConnected = this.connected;
    this.stop();
    if (wasConnected) this.emit('disconnect', ['client_closed', '']);
    return this;
  };

  /* Send a string or anything with a JSON form; kept until connected. */
  Socket.prototype.send = function (message) {
    // Spelled now: what has no JSON form fails here, and later changes to it do not count.
    this.keep([spell(message)]);
    return this;
  };

  Socket.prototype.isXDomain = function () {
    var location = window.location, secure = location.protocol === 'https:';
    return this.host !== location.hostname || Boolean(this.options.secure) !== secure ||
      String(this.options.port) !== (location.port || (secure ? '443' : '80'));
  };

  /* Send messages that are spelled already, or keep them until that can be done. */
  Socket.prototype.keep = function (texts) {
    for (var i = 0; i < texts.length; i++) {
      if (this.connected && !this.transport.ended && !this.pending) this.transport.send(texts[i]);
      else this.queue.push(texts[i]);
    }
  };

  Socket.prototype.stop = function () {
    var transport = this.transport;
    this.rest();
    // What the page has sent goes out before the connection ends.
    if (this.connected && !transport.ended) this.release();
    this.connected = this.connecting = this.reconnecting = false;
    this.transport = null;
    if (!transport) return;
    // It may have ended, while the server is being asked why.
    if (transport.ended) this.takeBack(transport);
    transport.disconnect();
    this.waitFor(transport);
  };

  /* Let go of all that is waited for. */
  Socket.prototype.rest = function () {
    this.waiting = false;
    clearTimeout(this.timer);
    abort(this.question);
    this.question = null;
    if (this.hurry) {
      window.removeEventListener('online', this.hurry);
      document.removeEventListener('visibilitychange', this.hurry);
      this.hurry = null;
    }
  };

  Socket.prototype.takeBack = function (transport) {
    this.queue = transport.unsent().concat(this.queue);
    this.waitFor(transport);
  };

  // --- messages whose POST is not answered when their connection ends ---

  // For how long the next connection keeps its messages back for that answer.
  var LONGEST_HOLD = 5000;

  /* Send nothing before the answer: those that were not taken come first. */
  Socket.prototype.waitFor = function (transport) {
    if (transport.isPending()) this.pending = transport;
  };

  /* An ended transport has its answer. */
  Socket.prototype.onSettled = function (transport) {
    if (transport !== this.pending) return;
    this.queue = transport.unsent().concat(this.queue);
    this.release();
  };

  Socket.prototype.release = function () {
    var queue = this.queue;
    clearTimeout(this.hold);
    this.pending = this.hold = null;
    this.queue = [];
    this.keep(queue);
  };

  // --- connecting: a round goes through the transports until one gets through ---

  // A server that answers later than this was not there when it was asked.
  var PROMPT = 1000;

  Socket.prototype.begin = function () {
    this.rest();
    this.connecting = true;
    this.usable = this.findUsable();
    this.candidates = this.inOrder();
    // Of this round: what the server has said last, whether it is there, and which transports
    // have failed although it is.
    this.problem = {};
    this.answered = this.hesitated = false;
    this.failed = {};
    if (this.candidates.length) return this.tryNext();
    if (window.console) {
      window.console.error('socket.io: none of the transports works in this browser');
    }
    this.onFailure(true);
  };

  Socket.prototype.findUsable = function () {
    var xdomain = this.isXDomain();
    return this.options.transports.filter(function (type) {
      return has.call(Transport, type) && Transport[type].check && Transport[type].check(xdomain);
    });
  };

  /* The one that worked last comes first. */
  Socket.prototype.inOrder = function () {
    var types = this.usable.slice(), at = types.indexOf(this.remembered());
    if (at > 0) types.unshift(types.splice(at, 1)[0]);
    return types;
  };

  Socket.prototype.tryNext = function () {
    var type = this.candidates.shift(), transport;
    if (type === undefined) return this.onFailure(false);
    transport = new Transport[type](this, this.options.transportOptions[type]);
    this.transport = transport;
    this.emit('connecting', [type]);
    // A listener may have called disconnect().
    if (this.transport === transport) transport.connect();
  };

  /*
   * A transport has not connected. Most cannot tell why: it may be refused, or
   * stopped on the way, or there is no server. So that is asked, once a round.
   */
  Socket.prototype.onUnconnected = function (transport, why) {
    var self = this;
    if (why.status || this.answered || !canRequest(this.isXDomain())) {
      return this.onRefused(transport, why);
    }
    this.ask(transport, function (answer, prompt) {
      if (answer.status === 200 && answer.text === 'ok') {
        if (!self.hesitated && (!prompt || self.last === transport.type)) {
          // The server has only just come up, or this transport has worked in this page: once more.
          self.hesitated = true;
          self.candidates.unshift(transport.type);
          return self.tryNext();
        }
        self.answered = true;
        self.onRefused(transport, {});
      } else if (answer.status) {
        self.onRefused(transport, answer);
      } else {
        self.onFailure(false);
      }
    });
  };

  Socket.prototype.onRefused = function (transport, why) {
    var status = why.status || 0, final = isRefusal(status);
    if (status >= 400) this.problem = why;
    // Other transports lead to the same server.
    if (final || status >= 500) return this.onFailure(final);
    if (this.answered || status === 404) this.failed[transport.type] = true;
    if (!this.options.tryTransportsOnConnectTimeout) this.candidates = [];
    this.tryNext();
  };

  /*
   * Ask the server what a GET of the transport's address would be answered:
   * may a session begin, or how has this one ended? done(why, prompt) is called
   * with the answer, and whether it came soon.
   */
  Socket.prototype.ask = function (transport, done) {
    var self = this, began = Date.now(), limit = this.options.connectTimeout;
    function answered(why) {
      self.rest();
      done(why, Date.now() - began < PROMPT);
    }
    this.rest();
    if (limit) this.timer = setTimeout(function () { answered({}); }, limit);
    try {
      this.question = request('GET', transport.url('http') + '/' + began + '?ask',
        this.isXDomain(), null, answered);
    } catch (error) {
      this.timer = setTimeout(function () { answered({}); }, 0);
    }
  };

  Socket.prototype.onConnect = function (transport) {
    var self = this, again = this.reconnecting, attempts = this.attempts;
    this.connected = this.stood = true;
    this.connecting = this.reconnecting = false;
    this.since = Date.now();
    this.failedAt = null;
    this.last = transport.type;
    this.remember(transport.type);
    if (!this.pending) this.release();
    // Without an answer they may have arrived. This goes on when this connection ends, too.
    else if (!this.hold) this.hold = setTimeout(function () { self.release(); }, LONGEST_HOLD);
    this.emit('connect');
    if (again && this.transport === transport) this.emit('reconnect', [transport.type, attempts]);
  };

  /* A round is over, and no transport has connected. */
  Socket.prototype.onFailure = function (final) {
    this.failedAt = Date.now();
    this.connecting = false;
    this.transport = null;
    if (final || !this.options.reconnect) this.giveUp();
    else this.wait();
  };

  // --- ends, and what comes after them ---

  // How long a connection has to stand until delays begin from the shortest again.
  var STEADY = 10000;

  /* A transport has ended by itself: before it was connected, or after. */
  Socket.prototype.onEnd = function (transport, why) {
    var self = this;
    if (transport !== this.transport) return;
    if (this.connecting) return this.onUnconnected(transport, why);
    if (why.status || why.reason || !canRequest(this.isXDomain())) return this.onDisconnect(why);
    this.ask(transport, function (answer) {
      // A session that lives has lost its connection, and that is all.
      self.onDisconnect(answer.status === 200 ? {} : answer);
    });
  };

  Socket.prototype.onDisconnect = function (why) {
    var told = reasonOf(why), options = this.options;
    this.connected = false;
    this.takeBack(this.transport);
    this.transport = null;
    if (Date.now() - this.since >= STEADY) this.attempts = 0;
    else this.failedAt = Date.now();
    this.reconnecting = Boolean(options.reconnect) &&
      (told[0] !== 'disconnected' || Boolean(options.reconnectOnServerDisconnect));
    this.emit('disconnect', told);
    // A listener may have called connect() or disconnect().
    if (this.reconnecting && !this.waiting && !this.connecting && !this.connected) this.wait();
  };

  // Nobody presses a button so soon, in milliseconds.
  var HASTE = 1000;

  /*
   * Whether connect() is called so soon after a failure that a listener must
   * have done it. Without a delay the page would connect again and again.
   */
  Socket.prototype.isHasty = function () {
    var pause = Math.min(this.options.reconnectionDelay, HASTE);
    return this.failedAt !== null && Date.now() - this.failedAt < pause;
  };

  Socket.prototype.wait = function () {
    if (this.attempts < this.options.maxReconnectionAttempts) return this.pause();
    // The page does not stay dead if it is looked at later.
    this.watch();
    this.giveUp();
  };

  /* Delay the next attempt: longer each time, and not as long as other pages do. */
  Socket.prototype.pause = function () {
    var self = this, options = this.options, delay;
    this.rest();
    delay = options.reconnectionDelay * Math.pow(2, Math.min(this.attempts, 30));
    delay = Math.min(delay, options.reconnectionDelayMax) * (0.5 + Math.random());
    delay = Math.round(delay);
    this.attempts += 1;
    this.reconnecting = this.waiting = true;
    this.timer = setTimeout(function () { self.begin(); }, delay);
    this.watch();
    this.emit('reconnecting', [delay, this.attempts]);
  };

  Socket.prototype.giveUp = function () {
    var name = this.stood ? 'reconnect_failed' : 'connect_failed';
    this.reconnecting = false;
    this.emit(name, [this.problem.status || 0, this.problem.text || '']);
  };

  /* Try at once when the browser is online again, or somebody looks at the page again. */
  Socket.prototype.watch = function () {
    var self = this;
    this.hurry = function (event) {
      if (event.type === 'visibilitychange' && document.hidden) return;
      if (!self.reconnecting) self.attempts = 0;
      self.reconnecting = true;
      self.begin();
    };
    window.addEventListener('online', this.hurry);
    document.addEventListener('visibilitychange', this.hurry);
  };

  // --- the transport that is remembered ---

  // For how long, in seconds, a better transport is not tried again.
  var MEMORY = 3600;

  /*
   * Remember a transport, if each that is better has failed in this round, and
   * not only because the server was not there. Pages without access to cookies
   * (sandboxed frames) just do not remember.
   */
  Socket.prototype.remember = function (type) {
    var failed = this.failed, better = this.usable.slice(0, this.usable.indexOf(type));
    if (!this.options.rememberTransport) return;
    if (!better.every(function (each) { return has.call(failed, each); })) return;
    try {
      this.options.document.cookie = 'socketio=' + encodeURIComponent(type) +
        '; path=/; max-age=' + MEMORY + '; SameSite=Lax';
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

  var EVENTS = ['connecting', 'connect', 'connect_failed', 'message', 'disconnect', 'reconnecting',
    'reconnect', 'reconnect_failed'];
  var warned = {};

  /* Other generations of Socket.IO have events of the application's own. */
  function checkEvent(name, advice) {
    var line = "socket.io: there is no event '" + name + "' here. " + advice;
    if (EVENTS.indexOf(name) >= 0 || has.call(warned, line) || !window.console) return;
    warned[line] = true;
    window.console.warn(line);
  }

  Socket.prototype.on = function (name, listener) {
    checkEvent(name, "What the server sends is the event 'message'.");
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

  /* Call the listeners in this page; send() is what reaches the server. */
  Socket.prototype.emit = function (name, parameters) {
    var listeners, i;
    checkEvent(name, 'Nothing is sent: use send().');
    listeners = has.call(this.events, name) ? this.events[name].slice() : [];
    for (i = 0; i < listeners.length; i++) {
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
