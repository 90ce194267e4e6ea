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
 * In this order: where this script comes from; the framing of messages; requests;
 * the reasons for which connections end; the transports (io.Transport; others can be added); and
 * io.Socket: its methods, how it connects, what it does when a connection ends,
 * the transport that it remembers, events.
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

  // --- where this script comes from ---

  /*
   * The address of this script, if it may be the one that a listener serves:
   * <prefix>/socket.io/socket.io.js, or classic.js there. A page that has it in a
   * file of its own, or under another name, says where the server is.
   */
  var served = (function () {
    var script = window.document && document.currentScript, link, found;
    if (!script || !script.src) return null;
    link = document.createElement('a');
    link.href = script.src;
    found = /^\/?((?:.*\/)?socket\.io)\/(?:socket\.io|classic)\.js$/.exec(link.pathname);
    return found && {
      host: link.hostname,
      port: link.port,
      secure: link.protocol === 'https:',
      resource: found[1]
    };
  }());

  // --- framing: ~m~<length in UTF-16 code units>~m~<text> ---

  function marked(text, mark) {
    return text.slice(0, 3) === mark;
  }

  /*
   * The text of a message: a string as it is, anything else as JSON. A string
   * that looks like a heartbeat or like JSON would be taken for one, so it is
   * sent as JSON, too.
   */
  function spell(message) {
    if (typeof message === 'string' && !marked(message, HEARTBEAT) && !marked(message, JSON_MARK)) {
      return message;
    }
    return JSON_MARK + JSON.stringify(message === undefined ? null : message);
  }

  function frame(text) {
    // UTF-8 has no lone surrogates: WebSocket would replace them silently, and
    // encodeURIComponent would throw.
    if (/[\uD800-\uDFFF]/.test(text)) {
      text = text.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, function (found) {
        return found.length === 2 ? found : '\uFFFD';
      });
    }
    return FRAME + text.length + FRAME + text;
  }

  /* The texts in a payload up to its first mistake, and the place of the mistake. */
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

  // --- why a connection has ended, or why none was opened ---

  /*
   * why is an object: status is the HTTP status of an answer, reason is one of
   * REASONS, text is the server's text. A member that is not known is missing.
   * If status and reason are missing, the server can be asked.
   */
  var REASONS = ['client_closed', 'disconnected', 'going_away', 'heartbeat_lost', 'limit_exceeded',
    'protocol_error', 'refused', 'connection_lost'];
  var OF_STATUS = { 400: 'protocol_error', 401: 'refused', 403: 'refused', 408: 'limit_exceeded',
    413: 'limit_exceeded', 429: 'limit_exceeded', 431: 'limit_exceeded', 503: 'going_away' };
  var OF_CLOSE_CODE = { 1001: 'going_away', 1002: 'protocol_error', 1003: 'protocol_error',
    1007: 'protocol_error', 1008: 'limit_exceeded', 1009: 'limit_exceeded' };

  /* Why, from an HTTP answer. A proxy may have answered with a page: that text is not used. */
  function toldBy(xhr) {
    var ours = xhr.status && /^text\/plain/.test(xhr.getResponseHeader('Content-Type'));
    return xhr.status ? { status: xhr.status, text: ours ? xhr.responseText.trim() : '' } : {};
  }

  function toldByClose(event) {
    // An object that replaces WebSocket may tell less.
    var code = event && event.code, text = event && event.reason || '';
    var reason = OF_CLOSE_CODE[code];
    // Proxies also close with 1000, but give no reason.
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

  /* Whether a status refuses this client for good, and not only this transport or for now. */
  function isRefusal(status) {
    return status > 400 && status < 500 && [404, 405, 408, 426].indexOf(status) < 0;
  }

  // --- transports ---

  /*
   * The base of all transports. A transport has a type and three methods:
   * open(), write(payload) and close(). It calls onData(payload) with data, and
   * onEnd(why) at its end. It is used for one connection.
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
        // The load event is over only after its listeners have run.
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
      // For example, the page's policy forbids it. Later, because inside connect() no
      // caller expects an end.
      setTimeout(giveUp, 0);
    }
  };

  /* Send the text of a message. */
  Transport.prototype.send = function (text) {
    this.write(frame(text));
  };

  /* After the end: the messages that certainly have not left the page. */
  Transport.prototype.unsent = function () {
    return [];
  };

  /* After the end: whether a POST still waits for the answer that tells if its messages were taken. */
  Transport.prototype.isPending = function () {
    return false;
  };

  Transport.prototype.disconnect = function () {
    this.ended = true;
    clearTimeout(this.silence);
    clearTimeout(this.patience);
    this.close();
  };

  /*
   * <scheme>://<host>:<port>/<resource>/<type>/<session id>, and the tail. The session id
   * is there only in a session, and the options query and auth only before it.
   */
  Transport.prototype.url = function (scheme, tail) {
    var options = this.socket.options, opening = this.sessionid ? '' : this.socket.opening;
    return scheme + (options.secure ? 's' : '') + '://' + this.socket.host + ':' + options.port +
      '/' + options.resource + '/' + this.type + (this.sessionid ? '/' + this.sessionid : '') +
      (tail || '') + (opening && '?' + opening);
  };

  Transport.prototype.onData = function (payload) {
    var texts = decode(payload).texts;
    this.onAlive();
    for (var i = 0; i < texts.length && !this.ended; i++) this.onText(texts[i]);
  };

  /* The server is never silent for longer than a heartbeat interval or a poll. */
  Transport.prototype.onAlive = function () {
    var self = this, timeout = this.options.timeout;
    clearTimeout(this.silence);
    this.silence = setTimeout(function () {
      var text = 'nothing has come for ' + timeout / 1000 + ' s';
      // Without a session, the transport does not work.
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
      // Without a session, a browser does not tell a refusal from a lost connection.
      self.onEnd(self.connected ? toldByClose(event) : {});
    };
  };

  WebSocketTransport.prototype.write = function (payload) {
    this.native.send(payload);
  };

  /* Keep the texts that may still be in the browser's buffer. */
  WebSocketTransport.prototype.send = function (text) {
    var buffered;
    Transport.prototype.send.call(this, text);
    this.texts.push(text);
    this.size += text.length;
    buffered = this.native.bufferedAmount || 0;
    // If the texts after the first one fill the buffer alone, the first one has left it.
    while (this.texts.length && this.size - this.texts[0].length >= buffered) {
      this.size -= this.texts.shift().length;
    }
  };

  WebSocketTransport.prototype.unsent = function () {
    var native = this.native, first = this.texts.length;
    // Until the socket is closed, the browser may still send its buffer.
    var left = native && native.readyState === 3 ? native.bufferedAmount : 0;
    var length;
    while (left > 0 && first > 0) {
      first -= 1;
      length = unescape(encodeURIComponent(frame(this.texts[first]))).length;
      left -= length;
    }
    // The server has refused this message while the browser was still sending it.
    if (length > this.limit) first += 1;
    return this.texts.slice(first).filter(isMessage);
  };

  WebSocketTransport.prototype.close = function () {
    if (this.native) this.native.close();
  };

  WebSocketTransport.check = function () {
    var Native = NativeWebSocket();
    // The Flash shim has its own transport.
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

  // --- the base of the HTTP transports: messages go to the server in POSTs ---

  // The size of a batch: well below the largest body that servers accept.
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
   * The time prevents an answer from a cache. Without a session id before it,
   * it opens a session; two slashes would do so, too, but proxies merge them.
   */
  HTTPTransport.prototype.downlink = function (tail) {
    return this.url('http', '/' + Date.now() + (tail || ''));
  };

  HTTPTransport.prototype.framed = frame;

  HTTPTransport.prototype.send = function (text) {
    this.queue.push(text);
    this.flush();
  };

  /* Without its downlink a session may end: post all messages before the downlink is closed. */
  HTTPTransport.prototype.close = function () {
    if (this.lost || !this.posting) this.hangUp();
  };

  HTTPTransport.prototype.onEnd = function (why) {
    // A session that is lost gets no more POSTs.
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
    // Ask the server why.
    var ended = why.status === 404 && /^the session ended before/.test(why.text);
    var partly = ended && /messages were taken$/.test(why.text);
    // The server gives these answers before it takes any message. After others, the messages
    // may have arrived.
    var refused = !partly && (why.status === 404 || why.status === 503);
    if (refused) this.queue = texts.concat(this.queue);
    this.onEnd(ended ? {} : why);
  };

  HTTPTransport.prototype.post = function (payload, done) {
    request('POST', this.url('http', '/send'), this.socket.isXDomain(),
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
      // EventSource would connect again by itself, to the address of a new session.
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

  // The browser takes a frame or a script for a part of the page if it begins while the page loads.
  HTMLFile.prototype.holdsUpLoading = true;

  HTMLFile.prototype.open = function () {
    var self = this, inner, stream;
    // The stream is a frame inside a blank document, so that its parent.s is not a global
    // name of the page.
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
        // Remove the scripts that have run, or the document would grow for ever.
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
    // Later: a script inside this frame may be the caller.
    setTimeout(function () {
      if (frame && frame.parentNode) frame.parentNode.removeChild(frame);
    }, 0);
  };

  HTMLFile.check = function (xdomain) {
    return !xdomain && canRequest(false);
  };

  // --- xhr-multipart: an answer that is read as it grows ---

  var PART = 'Content-Type: text/plain\n\n';
  // When an answer is as large as this, the stream continues in a new one.
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
      // Browsers that know multipart report each part as if it were a whole answer.
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
    // The first line is the boundary; each answer has another one.
    if (!xhr.boundary) xhr.position = (xhr.boundary = text.slice(0, text.indexOf('\n') + 1)).length;
    while (xhr.boundary && !this.ended && text.substr(xhr.position, PART.length) === PART) {
      end = decode(text, xhr.position + PART.length).end;
      if (text.substr(end, xhr.boundary.length + 1) !== '\n' + xhr.boundary) break;
      this.onData(text.slice(xhr.position + PART.length, end));
      xhr.position = end + 1 + xhr.boundary.length;
    }
    if (this.ended) return;
    if (xhr.readyState !== 4) {
      // The server ends the older stream when the newer one comes; the older is read to its end.
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
        // A proxy may answer 200 with its own page.
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
    script.src = this.downlink('/' + this.index);
    // A script that has not called _() does not come from this server.
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
    // An open poll may still be answered.
    io.JSONP[this.index] = { _: function () {} };
  };

  JSONPPolling.prototype.framed = function (text) {
    // A form turns every line break into CRLF, and the server turns that into LF. So a
    // string that has a CR is sent as JSON, which escapes it.
    var mangled = !canRequest(this.socket.isXDomain()) && /\r/.test(text);
    return frame(mangled ? JSON_MARK + JSON.stringify(text) : text);
  };

  JSONPPolling.prototype.post = function (payload, done) {
    if (canRequest(this.socket.isXDomain())) {
      HTTPTransport.prototype.post.call(this, payload, done);
    } else {
      postForm(this.downlink('/' + this.index), payload, done);
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
        // Some browsers also report the blank page that a frame begins with.
        if (iframe.contentWindow.document.URL === 'about:blank') return;
        answer = iframe.contentWindow.document.body.textContent;
      } catch (error) { /* a page of another origin; the next poll tells what is wrong */ }
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
   * A connection to the server, which reconnects by itself.
   *
   * host: the server's name, by default the page's.
   * options, with their defaults (times in milliseconds):
   *   secure                         as the page
   *   port                           as the page
   *   resource                       'socket.io', below the prefix that this script has there
   *   auth                           undefined: what the server gets as client.auth, a value that
   *                                  JSON can hold; or a function(done) that calls done(value),
   *                                  each time before it connects
   *   query                          {}: more fields for the query of the opening request
   *   document                       document; where the cookie of rememberTransport is kept
   *   transports                     what to try, in order; by default all but jsonp-polling
   *   transportOptions               {type: {timeout: how long the server may be silent}}
   *   autoConnect                    true: connect() in the next iteration of the event loop
   *   connectTimeout                 5000 for each transport
   *   tryTransportsOnConnectTimeout  true: when one does not connect, try the next
   *   rememberTransport              true: begin with the one that worked last
   *   reconnect                      true: try again, also if the first attempt fails
   *   reconnectOnServerDisconnect    false: also if the server has ended the session on purpose
   *   reconnectionDelay              500, and twice as long after each attempt
   *   reconnectionDelayMax           60000: it grows no further
   *   maxReconnectionAttempts        Infinity
   */
  function Socket(host, options) {
    var self = this;
    var location = window.location;
    var chosen = options || {};
    this.host = host || location.hostname;
    this.options = merge({
      secure: location.protocol === 'https:',
      resource: 'socket.io',
      auth: undefined,
      query: {},
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
      maxReconnectionAttempts: Infinity
    }, options);
    this.options.port = this.options.port || location.port || (this.options.secure ? 443 : 80);
    if (!has.call(chosen, 'resource') && this.isServing()) {
      this.options.resource = served.resource;
    }
    this.options.transportOptions = merge({
      'xhr-polling': { timeout: 25000 },
      'jsonp-polling': { timeout: 25000 }
    }, this.options.transportOptions);
    this.connected = this.connecting = this.reconnecting = this.waiting = false;
    this.transport = null;
    this.events = {};
    this.queue = [];
    this.opening = '';
    this.round = 0;
    this.pending = null;
    this.attempts = 0;
    this.stood = false;
    this.failedAt = null;
    if (this.options.autoConnect) {
      this.timer = setTimeout(function () { self.connect(); }, 0);
    }
  }

  io.Socket = Socket;

  /* Connect, unless it is connected or connecting; call listener when it is connected. */
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

  /* End the connection, or the attempts to connect; connect() begins anew. */
  Socket.prototype.disconnect = function () {
    var wasConnected = this.connected;
    this.stop();
    if (wasConnected) this.emit('disconnect', ['client_closed', '']);
    return this;
  };

  /* Send a string or any value that JSON can hold; before a connection it is kept. */
  Socket.prototype.send = function (message) {
    // Encoded now: a value that JSON cannot hold throws here, and later changes have no effect.
    this.keep([spell(message)]);
    return this;
  };

  /* Whether this script comes from the server that the socket connects to. */
  Socket.prototype.isServing = function () {
    var options = this.options, usual = served && (served.secure ? 443 : 80);
    return Boolean(served) && served.host === this.host && served.secure === Boolean(options.secure) &&
      Number(served.port || usual) === Number(options.port);
  };

  Socket.prototype.isXDomain = function () {
    var location = window.location, secure = location.protocol === 'https:';
    return this.host !== location.hostname || Boolean(this.options.secure) !== secure ||
      String(this.options.port) !== (location.port || (secure ? '443' : '80'));
  };

  /* Send the texts of messages, or keep them until they can be sent. */
  Socket.prototype.keep = function (texts) {
    for (var i = 0; i < texts.length; i++) {
      if (this.connected && !this.transport.ended && !this.pending) this.transport.send(texts[i]);
      else this.queue.push(texts[i]);
    }
  };

  Socket.prototype.stop = function () {
    var transport = this.transport;
    this.rest();
    // The messages of the page are sent before the connection ends.
    if (this.connected && !transport.ended) this.release();
    this.connected = this.connecting = this.reconnecting = false;
    this.transport = null;
    if (!transport) return;
    // The connection may have ended already, while the server is asked why.
    if (transport.ended) this.takeBack(transport);
    transport.disconnect();
    this.waitFor(transport);
  };

  /* Stop all timers and requests. */
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

  // --- messages whose POST is not answered when the connection ends ---

  // How long the next connection keeps its messages back for that answer, in milliseconds.
  var LONGEST_HOLD = 5000;

  /* Send nothing before the answer comes: messages that were not taken go first. */
  Socket.prototype.waitFor = function (transport) {
    if (transport.isPending()) this.pending = transport;
  };

  /* An ended transport has got the answer to its POST. */
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

  // A server that answers later than this was not running when it was asked.
  var PROMPT = 1000;

  Socket.prototype.begin = function () {
    this.rest();
    this.connecting = true;
    this.usable = this.findUsable();
    this.candidates = this.inOrder();
    // In this round: the server's last answer, whether the server is running, and the
    // transports that have failed although it is.
    this.problem = {};
    this.answered = this.hesitated = false;
    this.failed = {};
    if (this.candidates.length) return this.introduce();
    if (window.console) {
      window.console.error('socket.io: none of the transports works in this browser');
    }
    this.onFailure(true);
  };

  /* Make the query of the requests that open a session in this round, and begin. */
  Socket.prototype.introduce = function () {
    var self = this, auth = this.options.auth, round = this.round += 1;
    function done(value) {
      var fields = merge({}, self.options.query);
      // The round may be over, or done() is called twice.
      if (round !== self.round || !self.connecting) return;
      self.round += 1;
      if (value !== undefined) fields.auth = JSON.stringify(value);
      self.opening = Object.keys(fields).map(function (name) {
        return encodeURIComponent(name) + '=' + encodeURIComponent(fields[name]);
      }).join('&');
      self.tryNext();
    }
    if (typeof auth !== 'function') return done(auth);
    try {
      auth.call(this, done);
    } catch (error) {
      rethrow(error);
      if (round === this.round && this.connecting) this.onFailure(true);
    }
  };

  Socket.prototype.findUsable = function () {
    var xdomain = this.isXDomain();
    return this.options.transports.filter(function (type) {
      return has.call(Transport, type) && Transport[type].check && Transport[type].check(xdomain);
    });
  };

  /* The transport that worked last comes first. */
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
   * A transport has not connected. Most cannot tell why: the client may be
   * refused, a proxy may be in the way, or no server may be running. So the
   * server is asked, once a round.
   */
  Socket.prototype.onUnconnected = function (transport, why) {
    var self = this;
    if (why.status || this.answered || !canRequest(this.isXDomain())) {
      return this.onRefused(transport, why);
    }
    this.ask(transport, function (answer, prompt) {
      if (answer.status === 200 && answer.text === 'ok') {
        if (!self.hesitated && (!prompt || self.last === transport.type)) {
          // Try it once more: the server has just started, or this transport has worked before.
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
    // Other transports would reach the same server.
    if (final || status >= 500) return this.onFailure(final);
    if (this.answered || status === 404) this.failed[transport.type] = true;
    if (!this.options.tryTransportsOnConnectTimeout) this.candidates = [];
    this.tryNext();
  };

  /*
   * Ask the server how it would answer a GET of the transport's address: may a
   * session begin, or how has this session ended? done(why, prompt) is called
   * with the answer, and with whether it came soon.
   */
  Socket.prototype.ask = function (transport, done) {
    var self = this, began = Date.now(), limit = this.options.connectTimeout, url;
    function answered(why) {
      self.rest();
      done(why, Date.now() - began < PROMPT);
    }
    this.rest();
    if (limit) this.timer = setTimeout(function () { answered({}); }, limit);
    try {
      url = transport.url('http', '/' + began).split('?');
      this.question = request('GET', url[0] + '?ask' + (url[1] ? '&' + url[1] : ''),
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
    // Without an answer, the messages may have arrived. The wait outlasts this connection.
    else if (!this.hold) this.hold = setTimeout(function () { self.release(); }, LONGEST_HOLD);
    this.emit('connect');
    if (again && this.transport === transport) this.emit('reconnect', [transport.type, attempts]);
  };

  /* The round is over, and no transport has connected. */
  Socket.prototype.onFailure = function (final) {
    this.failedAt = Date.now();
    this.connecting = false;
    this.transport = null;
    if (final || !this.options.reconnect) this.giveUp();
    else this.wait();
  };

  // --- the end of a connection, and reconnecting ---

  // How long a connection must last before delays begin with the shortest again.
  var STEADY = 10000;

  /* A transport has ended by itself: before it was connected, or after. */
  Socket.prototype.onEnd = function (transport, why) {
    var self = this;
    if (transport !== this.transport) return;
    if (this.connecting) return this.onUnconnected(transport, why);
    if (why.status || why.reason || !canRequest(this.isXDomain())) return this.onDisconnect(why);
    this.ask(transport, function (answer) {
      // The session is still open; only its connection was lost.
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

  // Milliseconds. No user presses a button so soon.
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
    // The page can connect again when somebody looks at it later.
    this.watch();
    this.giveUp();
  };

  /* Delay the next attempt: longer each time, and by another time than other pages. */
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

  // How long, in seconds, a better transport is not tried again.
  var MEMORY = 3600;

  /*
   * Remember a transport if all better ones have failed in this round while the
   * server was running. Pages without access to cookies (sandboxed frames) do
   * not remember it.
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

  /* Warn about events that other generations of Socket.IO have. */
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

  /* Call the listeners in this page; only send() reaches the server. */
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

  /* Report a listener that fails; the other listeners and later messages are not affected. */
  function rethrow(error) {
    setTimeout(function () { throw error; }, 0);
  }

  Socket.prototype.addListener = Socket.prototype.addEvent =
    Socket.prototype.addEventListener = Socket.prototype.on;
  Socket.prototype.removeListener = Socket.prototype.removeEventListener =
    Socket.prototype.removeEvent;
}(this));
