import type { Device } from './device.ts';
import { countEncoderSessions, type SessionCount } from './encoder-sessions.ts';
import { serveThread } from './thread-serve.ts';

serveThread<{ readonly device: Device; readonly limit: number }, SessionCount>(
  ({ device, limit }) => countEncoderSessions(device, limit),
);
