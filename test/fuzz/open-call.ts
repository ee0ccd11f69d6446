import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';

/** What came back for a call of any kind. */
export interface GrpcReply {
  readonly status: number;
  /** Undefined when the server keeps the stream open: then it was closed by us. */
  readonly code: string | undefined;
  readonly text: string | undefined;
  /** Of messages. */
  readonly bytes: number;
}

/** Calls by bytes over one connection, for messages that no client would write. */
export interface Caller {
  /** Rejects when the stream is reset instead of answered. */
  call(path: string, body: Buffer, headers?: OutgoingHttpHeaders): Promise<GrpcReply>;
  close(): void;
}

export function openCall(port: number): Caller {
  let session: ClientHttp2Session | undefined;
  const connection = () => {
    if (session && !session.closed && !session.destroyed) return session;
    session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    session.on('error', () => {}); // seen by the call that was under way
    return session;
  };
  return {
    call: (path, body, headers = {}) =>
      new Promise((resolve, reject) => {
        const stream = connection().request({
          ':method': 'POST',
          ':path': path,
          'content-type': 'application/grpc',
          te: 'trailers',
          ...headers,
        });
        let status = 0;
        let bytes = 0;
        const fields: Record<string, string | undefined> = {};
        stream.on('response', (received, flags) => {
          status = Number(received[':status']);
          Object.assign(fields, received);
          // A registration that was accepted: nothing more will come by itself.
          const open =
            path.endsWith('/RegisterTranscoder') && received['grpc-status'] === undefined;
          if (open && (flags & 1) === 0) stream.close(8);
        });
        stream.on('trailers', (received) => Object.assign(fields, received));
        stream.on('data', (piece: Buffer) => {
          bytes += piece.length;
        });
        stream.on('error', (error) => {
          if (status === 0) reject(error);
        });
        stream.on('close', () => {
          if (status === 0) return reject(new Error(`no answer (${stream.rstCode})`));
          resolve({ status, bytes, code: fields['grpc-status'], text: fields['grpc-message'] });
        });
        stream.end(body);
      }),
    close: () => session?.destroy(),
  };
}
