import { writeSync } from 'node:fs';
import type { Sql } from 'sql-template-tag';
import type { Hex } from 'viem';
import type { Providers } from '../../src/chain/providers.ts';
import type { TransactionSigner } from '../../src/chain/transactions-sign.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import type { Transaction } from '../../src/database/transaction.ts';
import { type StopAt, startNode } from '../chain/redeem-kit.ts';

// Run by redeem.test.ts: a node that redeems until it comes to one certain point, says so, and does
// nothing more. Argument: what it is to do, as JSON.

const { stopAt, url, controller, recipient, key, address, databaseUrl } = JSON.parse(
  process.argv[2] ?? '{}',
) as Record<'url' | 'controller' | 'recipient' | 'key' | 'address' | 'databaseUrl', Hex> & {
  stopAt: StopAt;
};

/** Says that it is there, and never goes on. */
function stop(): Promise<never> {
  writeSync(1, 'stopped\n');
  return new Promise(() => {});
}

const claims = ({ text }: Sql) => /set state = 'redeeming'/.test(text);
const marks = ({ text }: Sql) => /settled_at = now\(\)/.test(text);
const notes = ({ text }: Sql) => /set seen_in = /.test(text);

/** Stops in or after the transaction with a certain statement. */
function stopping(database: Database): Database {
  return {
    ...database,
    async query<Row>(statement: Sql, name?: string) {
      if (stopAt === 'told' && notes(statement)) return stop();
      return database.query<Row>(statement, name);
    },
    async transact<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
      let claimed = false;
      let marked = false;
      const result = await database.transact((tx) =>
        run({
          get open() {
            return tx.open;
          },
          async query<Row>(statement: Sql, name?: string) {
            if (stopAt === 'marking' && marks(statement)) return stop();
            claimed ||= claims(statement);
            marked ||= marks(statement);
            return tx.query<Row>(statement, name);
          },
          last: tx.last,
        }),
      );
      if (stopAt === 'claimed' && claimed) return stop();
      if (stopAt === 'marked' && marked) return stop();
      return result;
    },
  };
}

function stoppingSigner(signing: TransactionSigner): TransactionSigner {
  return {
    async signTransaction(account, tx) {
      if (stopAt === 'claimed') return new Promise(() => {});
      const signed = await signing.signTransaction(account, tx);
      return stopAt === 'signed' ? stop() : signed;
    },
  };
}

function stoppingProviders(providers: Providers): Providers {
  return {
    ...providers,
    requestEach<T>(method: string, params: readonly unknown[]) {
      if (method !== 'eth_sendRawTransaction') return providers.requestEach<T>(method, params);
      if (stopAt === 'stored') return [stop()];
      const answers = providers.requestEach<T>(method, params);
      return stopAt === 'broadcast' ? [Promise.all(answers).then(stop)] : answers;
    },
  };
}

const database = await openDatabase({ url: databaseUrl });
if (stopAt === 'won') await stop();
await startNode({ url, controller, recipient }, key, address, {
  database: stopping(database),
  wrap: stoppingProviders,
  wrapSigner: stoppingSigner,
});
