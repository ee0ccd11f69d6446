import type { IncomingMessage } from 'node:http';
import { connect, type OutgoingHttpHeaders } from 'node:http2';
import { request as httpsRequest } from 'node:https';

export const protocols = ['h2', 'http/1.1'] as const;

/** A request of a test that is sent piece by piece and whose reply is looked at piece by piece. */
export interface RawRequest {
  /** Resolves with the status as soon as the headers are there. Rejects when none ever come. */
  readonly status: Promise<number>;
  /** Resolves with the body when it is complete. Rejects when it is cut. */
  readonly body: Promise<Buffer>;
  /** Resolves when the bytes are on their way, or the other side has stopped taking them. */
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
  /** Cuts the connection as a machine that vanishes does. */
  destroy(): void;
}

/** Opens a request on a connection of its own, closed when the reply is complete. */
export function openRequest(
  port: number,
  options: {
    readonly protocol: (typeof protocols)[number];
    readonly path: string;
    readonly method?: string;
    readonly headers?: OutgoingHttpHeaders;
    /** Another address of this machine to come from; Linux has all of 127.0.0.0/8. */
    readonly localAddress?: string;
  },
): RawRequest {
  const status = Promise.withResolvers<number>();
  const body = Promise.withResolvers<Buffer>();
  status.promise.catch(() => {}); // a test awaits what it is about
  body.promise.catch(() => {});
  const failed = (error: Error) => {
    status.reject(error);
    body.reject(error);
  };
  const open = options.protocol === 'h2' ? openH2 : openH1;
  const opened = open(port, options, { status: status.resolve, body: body.resolve, failed });
  return { status: status.promise, body: body.promise, ...opened };
}

type Options = Parameters<typeof openRequest>[1];
type Opened = Pick<RawRequest, 'write' | 'end' | 'destroy'>;
interface Heard {
  status(status: number): void;
  body(body: Buffer): void;
  failed(error: Error): void;
}

function openH2(port: number, options: Options, heard: Heard): Opened {
  const { path, method = 'POST', headers = {}, localAddress } = options;
  const session = connect(`https://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
    ...(localAddress ? { localAddress } : {}),
  });
  session.on('error', heard.failed);
  const stream = session.request(
    { ':method': method, ':path': path, ...headers },
    { endStream: false },
  );
  const pieces: Buffer[] = [];
  stream.on('response', (received) => heard.status(Number(received[':status'])));
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('end', () => heard.body(Buffer.concat(pieces)));
  stream.on('error', heard.failed);
  const closed = new Promise<void>((resolve) => stream.on('close', resolve));
  stream.on('close', () => {
    heard.failed(new Error(`the stream was reset (${stream.rstCode})`));
    session.destroy();
  });
  return {
    write: (bytes) =>
      Promise.race([closed, new Promise<void>((r) => stream.write(bytes, () => r()))]),
    end: () => void stream.end(),
    destroy: () => session.destroy(),
  };
}

function openH1(port: number, options: Options, heard: Heard): Opened {
  const { path, method = 'POST', headers = {}, localAddress } = options;
  const request = httpsRequest({
    host: '127.0.0.1',
    port,
    path,
    method,
    headers,
    rejectUnauthorized: false,
    agent: false,
    ...(localAddress ? { localAddress } : {}),
  });
  request.on('error', heard.failed);
  request.on('response', (response: IncomingMessage) => {
    heard.status(response.statusCode ?? 0);
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => pieces.push(piece));
    response.on('end', () => heard.body(Buffer.concat(pieces)));
    response.on('error', heard.failed);
  });
  const closed = new Promise<void>((resolve) => request.on('close', resolve));
  request.on('close', () => heard.failed(new Error('the connection was closed')));
  request.flushHeaders();
  return {
    write: (bytes) =>
      Promise.race([closed, new Promise<void>((r) => request.write(bytes, () => r()))]),
    end: () => void request.end(),
    destroy: () => void request.destroy(),
  };
}
