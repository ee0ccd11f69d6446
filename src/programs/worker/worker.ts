import { randomInt } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Metrics } from '../../base/metrics.ts';
import { isPublicAddress } from '../../http/address.ts';
import { connectHttp, type HttpClient } from '../../http/client.ts';
import type { NotifySegment } from '../../protocol/gen/lp_rpc_pb.ts';
import { readNotification } from '../../protocol/task.ts';
import { parseCredential } from '../../workers/credentials.ts';
import type { Equipment } from './equipment.ts';
import { keepLinked, type LinkState, type Orchestrator, type Registration } from './link.ts';
import { createWorkerMetrics } from './metrics.ts';
import { RECEIPT_HEADER, type ReceiptFigures, type ReceiptKeeper } from './receipts.ts';
import { createReceiptFetcher, type ReceiptFetcher } from './receipts-fetch.ts';
import { refuseTask, runTask, type TaskEnd, type TaskParts } from './run-task.ts';
import { createSessions } from './sessions.ts';
import { createSources, type Home } from './source.ts';
import { createTally, type Tally } from './tally.ts';

/** Task ids of a stock orchestrator count from 0; ours are random and practically never this small. */
const COUNTED_TASK_ID_MAX = 2n ** 40n;
/** Certificates of an orchestrator that are remembered: its present start and the one before. */
const HOMES_MAX = 2;

/** What a worker is started with. */
export interface WorkerOptions {
  readonly orchestrator: Orchestrator;
  /** Sessions to take at once; `auto` is what the devices carry. */
  readonly maxSessions: number | 'auto';
  readonly equipment: Equipment;
}

/** What a worker is doing. */
export interface WorkerStatus {
  readonly link: LinkState;
  readonly draining: boolean;
  readonly sessions: number;
  readonly capacity: number;
  /** Tasks that are downloaded, transcoded, waiting or being posted. */
  readonly running: number;
  readonly onDevices: ReadonlyMap<string, number>;
  readonly tally: Tally;
  /** Undefined where none are kept. */
  readonly receipts: ReceiptFigures | undefined;
}

/** A worker at work. */
export interface RunningWorker {
  /** Resolves at the first registration; rejects with a TributaryError when that is refused. */
  readonly ready: Promise<void>;
  /** Resolves when the worker has stopped; rejects when the orchestrator refuses it for good. */
  readonly ended: Promise<void>;
  /** Tells the orchestrator goodbye and resolves when all running work is posted. */
  drain(): Promise<void>;
  /** Ends at once; running work is lost. Devices are closed too. */
  stop(): Promise<void>;
  status(): WorkerStatus;
}

/** What a worker uses and whom it tells. */
export interface WorkerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Numbers from 0 to below 1, for the jitter of reconnects. */
  readonly random?: () => number;
  /** Called at every change that a view would show. */
  readonly onChange?: (status: WorkerStatus) => void;
  /** Where receipts go; without it they are not looked at. */
  readonly receipts?: ReceiptKeeper;
  /** Called for every result that was taken, with the headers of the answer. */
  readonly onPosted?: (taskId: bigint, end: Extract<TaskEnd, { ended: 'posted' }>) => void;
}

/** Starts to register and to work; does not wait for the first registration. */
export async function startWorker(
  options: WorkerOptions,
  parts: WorkerParts,
): Promise<RunningWorker> {
  const { orchestrator, equipment } = options;
  const { clock, log } = parts;
  const metrics = createWorkerMetrics(parts.metrics);
  const tally = createTally();
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const homes = new Map<string, HttpClient>();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // whoever waits for `ended` learns the same
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  let draining = false;

  const sessions = createSessions({ devices: equipment.devices, clock, onChange: changed });
  const sources = createSources(clock);
  const taskParts: TaskParts = {
    credential: orchestrator.credential,
    bits: equipment.bits,
    sessions,
    sources,
    clock,
    log,
    signal: stopping.signal,
  };
  const capacity =
    options.maxSessions === 'auto'
      ? Math.max(
          1,
          equipment.devices.reduce((sum, device) => sum + device.sessions, 0),
        )
      : options.maxSessions;
  let linkState: LinkState = { state: 'connecting' };
  const fetcher = fetcherOf();

  const link = keepLinked({
    orchestrator,
    offer: {
      capacity,
      bits: equipment.bits,
      devices: equipment.devices,
    },
    clock,
    log,
    random: parts.random ?? (() => randomInt(2 ** 32) / 2 ** 32),
    onMessage: take,
    onState(state) {
      linkState = state;
      metrics.connected(state.state === 'connected');
      if (state.state === 'connected') {
        ready.resolve();
        fetcher?.fetch();
      }
      if (state.state === 'waiting') tally.trouble(state.reason);
      if (state.state === 'refused') {
        ready.reject(state.error);
        ended.reject(state.error);
      }
      changed();
    },
  });

  /** Only credentials of Tributary say whose receipts they are; stock orchestrators have none. */
  function fetcherOf(): ReceiptFetcher | undefined {
    const { credential } = orchestrator;
    const known = parts.receipts && parseCredential(credential);
    if (!parts.receipts || !known) return undefined;
    return createReceiptFetcher({
      keeper: parts.receipts,
      worker: known.worker,
      credential,
      client: () => clientFor(COUNTED_TASK_ID_MAX, ''),
      signal: stopping.signal,
      onTrouble: receiptTrouble,
      onFetched: changed,
    });
  }

  function take(message: NotifySegment, registration: Registration): void {
    const notification = readNotification(message);
    switch (notification.kind) {
      case 'teardown':
        sessions.end(notification.sessionId);
        break;
      case 'refused': {
        const home = homeFor(notification.taskId, registration);
        track(notification.taskId, refuseTask(notification, home, taskParts));
        break;
      }
      case 'task': {
        const { task } = notification;
        track(task.taskId, runTask(task, homeFor(task.taskId, registration), taskParts));
        break;
      }
    }
  }

  function track(taskId: bigint, work: Promise<TaskEnd>): void {
    const done = work
      .then((end) => {
        metrics.ended(end.ended);
        if (end.ended !== 'posted') {
          tally.failed(end.text);
          log.warn('task_failed', { reason: end.ended });
          return;
        }
        tally.posted(end);
        metrics.pixels(end.pixels);
        metrics.transcoded(end.transcodeMs);
        const trouble = parts.receipts?.take(end.answer);
        if (trouble !== undefined) receiptTrouble(trouble);
        // The answer to the first post was lost, and its receipt with it.
        if (end.answer[RECEIPT_HEADER] === undefined) fetcher?.fetch();
        parts.onPosted?.(taskId, end);
      })
      .finally(() => {
        running.delete(done);
        if (running.size === 0 && parts.receipts?.hasGap) fetcher?.fetch();
        changed();
      });
    running.add(done);
    changed();
  }

  function receiptTrouble(text: string): void {
    tally.trouble(text);
    log.warn('receipt_wrong', { reason: text });
    changed();
  }

  function homeFor(taskId: bigint, registration: Registration): Home {
    const { serverPin, serverAddress } = registration;
    return { client: clientFor(taskId, serverPin), isNear: !isPublicAddress(serverAddress) };
  }

  /**
   * Where sources come from and results go. A stock orchestrator counts its tasks from 0 and shows a
   * new certificate at each start, so a result of the last start must not meet a task of this one:
   * for such ids the certificate of the task's own registration is insisted on.
   */
  function clientFor(taskId: bigint, serverPin: string): HttpClient {
    const pin =
      orchestrator.pin ??
      (taskId < COUNTED_TASK_ID_MAX && serverPin !== '' ? serverPin : undefined);
    const known = homes.get(pin ?? '');
    if (known) return known;
    if (homes.size >= HOMES_MAX) {
      const [oldest, client] = homes.entries().next().value as [string, HttpClient];
      homes.delete(oldest);
      client.close();
    }
    const client = connectHttp({ origin: orchestrator.origin, pin, clock });
    homes.set(pin ?? '', client);
    return client;
  }

  function status(): WorkerStatus {
    return {
      link: linkState,
      draining,
      sessions: sessions.count,
      capacity,
      running: running.size,
      onDevices: sessions.onDevices(),
      tally,
      receipts: parts.receipts?.figures,
    };
  }

  function changed(): void {
    metrics.sessions(sessions.count);
    parts.onChange?.(status());
  }

  async function drain(): Promise<void> {
    draining = true;
    link.close();
    await link.ended;
    while (running.size > 0) await Promise.all(running);
    await fetcher?.idle;
  }

  return {
    ready: ready.promise,
    ended: ended.promise,
    drain,
    async stop() {
      draining = true;
      stopping.abort();
      link.close();
      await link.ended;
      for (const home of homes.values()) home.close();
      sources.close();
      sessions.close();
      await Promise.all(equipment.devices.map(({ transcoder }) => transcoder.close()));
      await Promise.all(running);
      await fetcher?.idle;
      ready.resolve();
      ended.resolve();
    },
    status,
  };
}
