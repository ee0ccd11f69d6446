import type { Clock, Instant } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { CapabilityBits } from '../../protocol/capabilities.ts';
import { sameBytes } from '../../protocol/fixed-bytes.ts';
import type { AuthToken, OrchestratorInfo } from '../../protocol/gen/lp_rpc_pb.ts';
import type { Discovery } from './discovery.ts';
import type { Account, Payments } from './payments.ts';
import { type Selectable, selectSession } from './select.ts';
import type { Transport } from './transport.ts';

/** A token this close to its end is renewed first: 10 % of its 30 min. Wire: server/broadcast.go. */
const RENEW_BEFORE_S = 180;
/** A stock gateway sets no limit; a pool that is gone must not hold up our end. */
const END_SESSION_MS = 2_000;

/** One stream's session at one orchestrator. */
export interface Session extends Selectable {
  readonly service: string;
  /** Where its segments are paid from; undefined off-chain. */
  readonly account: Account | undefined;
  /** The newest that the orchestrator said of itself, its session's token included. */
  info: OrchestratorInfo & { readonly authToken: AuthToken };
  score: number | undefined;
  readonly inFlight: { readonly sentAt: Instant; readonly durationMs: number }[];
}

/** The sessions of one stream. */
export interface Sessions {
  /**
   * The session that the next attempt goes to, with a token that lasts. Orchestrators in `tried`
   * only serve where nobody else would. Undefined when there is none at all.
   */
  claim(tried: ReadonlySet<string>): Promise<Session | undefined>;
  /** Takes over what a reply said of its orchestrator. */
  update(session: Session, info: OrchestratorInfo): void;
  /** A session that failed is not used again, and gives its place at the orchestrator back. */
  drop(session: Session): void;
  /** EndTranscodingSession at every orchestrator that had one. */
  end(): Promise<void>;
}

/** Sessions are opened when the first segment asks for one. */
export function createSessions(
  parts: {
    readonly discovery: Discovery;
    readonly transport: Transport;
    readonly clock: Clock;
    readonly log: Log;
    readonly payments?: Payments | undefined;
  },
  options: { readonly orchestrators: readonly string[]; readonly bits: CapabilityBits },
): Sessions {
  const { discovery, transport, clock, payments } = parts;
  let sessions: Session[] = [];
  let last: Session | undefined;
  /** Every session ever opened, by its token, to be ended with the stream. */
  const opened = new Map<string, { service: string; token: AuthToken }>();
  let discovering: Promise<void> | undefined;
  const renewing = new Map<Session, Promise<boolean>>();

  const remember = (service: string, token: AuthToken) =>
    opened.set(`${service} ${token.sessionId}`, { service, token });

  const discover = async () => {
    for (const { service, info } of await discovery.find(options.orchestrators, options.bits)) {
      if (!hasToken(info) || sessions.some((session) => session.service === service)) continue;
      const opened = payments?.open(info);
      if (opened && !opened.ok) {
        parts.log.warn('orchestrator_price_refused', { error: opened.text });
        continue;
      }
      const account = opened?.account;
      sessions.push({ service, account, info, score: undefined, inFlight: [] });
    }
  };

  const select = (tried: ReadonlySet<string>) => {
    const now = clock.now();
    const fresh = sessions.filter((session) => !tried.has(session.service));
    return selectSession(fresh, last, now);
  };

  /** Every session of one orchestrator, or of all. Expired ones are gone by themselves. */
  const endOpened = async (service?: string) => {
    const now = clock.now() / 1000;
    const ending: Promise<unknown>[] = [];
    for (const [key, open] of opened) {
      if (service !== undefined && open.service !== service) continue;
      opened.delete(key);
      if (Number(open.token.expiration) <= now) continue;
      ending.push(transport.endSession(open.service, open.token, END_SESSION_MS));
    }
    await Promise.all(ending);
  };

  const drop = (session: Session) => {
    sessions = sessions.filter((other) => other !== session);
    if (last === session) last = undefined;
    // Ending it now would fail the stream's other segments there; those are ended with the stream.
    if (session.inFlight.length === 0) void endOpened(session.service);
  };

  const renew = async (session: Session): Promise<boolean> => {
    const answer = await discovery.renew(session.service, options.bits);
    if (answer.ok && isOf(session, answer.value)) {
      session.info = answer.value;
      return true;
    }
    drop(session);
    return false;
  };

  const usable = (session: Session): Promise<boolean> | true => {
    const leftS = Number(session.info.authToken.expiration) - clock.now() / 1000;
    if (leftS > RENEW_BEFORE_S && !session.account?.stale(session.info)) return true;
    let pending = renewing.get(session);
    if (!pending) {
      pending = renew(session).finally(() => renewing.delete(session));
      renewing.set(session, pending);
    }
    return pending;
  };

  return {
    async claim(tried) {
      for (let discovered = false; ; ) {
        const session = select(tried) ?? (discovered ? select(new Set()) : undefined);
        if (session) {
          if (!(await usable(session))) continue;
          last = session;
          remember(session.service, session.info.authToken);
          return session;
        }
        if (discovered) return undefined;
        discovering ??= discover().finally(() => {
          discovering = undefined;
        });
        await discovering;
        discovered = true;
      }
    },
    update(session, info) {
      if (!isOf(session, info)) drop(session);
      else if (!isOlder(info, session.info)) session.info = info;
    },
    drop,
    async end() {
      sessions = [];
      last = undefined;
      await endOpened();
    },
  };
}

/** A reply to a segment of before a renewal has the token of then. */
function isOlder({ authToken: reply }: Session['info'], { authToken: now }: Session['info']) {
  return reply.sessionId !== now.sessionId && reply.expiration < now.expiration;
}

/**
 * Another service address is another orchestrator, and without a token there is no session. Who is
 * paid and who signs stay the same through one.
 */
function isOf(session: Session, info: OrchestratorInfo): info is Session['info'] {
  if (!hasToken(info) || info.transcoder !== session.service) return false;
  if (!session.account) return true;
  const { address, ticketParams } = session.info;
  const none = new Uint8Array(0);
  return (
    sameBytes(address, info.address) &&
    sameBytes(ticketParams?.recipient ?? none, info.ticketParams?.recipient ?? none)
  );
}

function hasToken(
  info: OrchestratorInfo,
): info is OrchestratorInfo & { readonly authToken: AuthToken } {
  return info.authToken !== undefined;
}
