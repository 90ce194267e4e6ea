/*
 * Types of the browser client of sockio_gevent, socket.io.js beside this file.
 *
 * The script makes the global name io. A program that is compiled finds its types with
 *
 *   /// <reference path="socket.io.d.ts" />
 */

declare namespace io {
  const version: string;

  /** What JSON can hold. */
  type JSONValue = string | number | boolean | null | JSONValue[] | { [name: string]: JSONValue };

  type TransportName = 'websocket' | 'server-events' | 'flashsocket' | 'htmlfile' |
    'xhr-multipart' | 'xhr-polling' | 'jsonp-polling';

  /** Why a connection that stood is over. */
  type Reason = 'client_closed' | 'disconnected' | 'going_away' | 'heartbeat_lost' |
    'limit_exceeded' | 'protocol_error' | 'refused' | 'connection_lost';

  /** All times are in milliseconds. */
  interface SocketOptions {
    secure?: boolean;
    port?: number | string;
    resource?: string;
    /** What the server gets as client.auth; a function calls done each time before it connects. */
    auth?: JSONValue | object | ((this: Socket, done: (auth?: JSONValue | object) => void) => void);
    /** More fields for the query of the opening request. */
    query?: { [name: string]: string | number | boolean };
    document?: Document;
    transports?: Array<TransportName | (string & {})>;
    transportOptions?: { [transport: string]: { timeout?: number } };
    autoConnect?: boolean;
    connectTimeout?: number;
    tryTransportsOnConnectTimeout?: boolean;
    rememberTransport?: boolean;
    reconnect?: boolean;
    reconnectOnServerDisconnect?: boolean;
    reconnectionDelay?: number;
    reconnectionDelayMax?: number;
    maxReconnectionAttempts?: number;
  }

  /** The events, with the arguments of their listeners. */
  interface Events {
    connecting: (transport: string) => void;
    connect: () => void;
    connect_failed: (status: number, text: string) => void;
    message: (message: any) => void;
    disconnect: (reason: Reason, text: string) => void;
    reconnecting: (delay: number, attempt: number) => void;
    reconnect: (transport: string, attempts: number) => void;
    reconnect_failed: (status: number, text: string) => void;
  }

  interface Transport {
    readonly type: string;
    readonly socket: Socket;
    readonly options: { timeout: number };
    readonly sessionid: string | null;
    readonly connected: boolean;
    readonly ended: boolean;

    /** Each transport has these three of its own. */
    open(): void;
    write(payload: string): void;
    close(): void;

    /** A transport calls this with data that has come. */
    onData(payload: string): void;
    /** A transport calls this at its end. */
    onEnd(why?: { reason?: Reason; status?: number; text?: string }): void;
    url(scheme: string, tail?: string): string;
  }

  /**
   * The base of all transports, and their constructors by their types. Each of these has check(xdomain),
   * which says whether this browser can use it.
   */
  const Transport: {
    new (socket: Socket, options?: { timeout?: number }): Transport;
    (this: Transport, socket: Socket, options?: { timeout?: number }): void;
    readonly prototype: Transport;
    /** Let a constructor have the methods of a parent, by default of io.Transport. */
    inherit(constructor: Function, type?: string | null, parent?: Function): void;
    [type: string]: any;
  };

  class Socket {
    /** The host is that of the page if it is left out or null. */
    constructor(host?: string | null, options?: SocketOptions);

    readonly connected: boolean;
    readonly connecting: boolean;
    readonly reconnecting: boolean;
    readonly options: SocketOptions;
    readonly transport: Transport | null;

    connect(listener?: (this: Socket) => void): this;
    disconnect(): this;
    /** Send a string, or any value that JSON can hold. */
    send(message: unknown): this;
    isXDomain(): boolean;

    on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this;
    once<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this;
    addListener<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this;
    addEvent<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this;
    addEventListener<E extends keyof Events>(event: E, listener: Listener<Events[E]>): this;
    removeEvent<E extends keyof Events>(event: E, listener: Events[E]): this;
    removeListener<E extends keyof Events>(event: E, listener: Events[E]): this;
    removeEventListener<E extends keyof Events>(event: E, listener: Events[E]): this;
  }

  /** A listener whose this is the socket. */
  type Listener<F extends (...values: any[]) => void> =
    (this: Socket, ...values: Parameters<F>) => void;
}
