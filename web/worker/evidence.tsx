import { showSpan } from '../../src/base/figures.ts';
import { Facts } from '../parts/figures.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { EvidenceView } from './api-views.ts';
import { workerPage } from './worker-page.tsx';

const KINDS: Readonly<Record<string, string>> = {
  fact: 'What was said of your machine',
  refund: 'What a gateway took back',
  failed_attempts: 'Attempts that came to nothing',
  failed_checks: 'Checks that your results did not pass',
  offline: 'When your machine was there, and when the pool was',
};

/** `/worker/evidence?id=…`: what does this line rest on? */
export const evidencePage = workerPage('/worker/evidence', async ({ reader, request }) => {
  const id = request.query.get('id') ?? '';
  const found = await reader.json<EvidenceView>(
    `/api/v1/me/evidence?${new URLSearchParams({ id })}`,
  );
  if (!found) return undefined;
  return {
    title: 'What was seen',
    current: '/worker/earnings',
    content: (
      <>
        <p class="crumbs">
          <a href="/worker/earnings">Earnings</a>
        </p>
        <h1>{KINDS[found.kind] ?? 'What was seen'}</h1>
        <p class="prose">
          A line of your statement rests on this. Is it wrong, name <code>{id}</code> in a{' '}
          <a href="/worker/disputes/new">dispute</a>.
        </p>
        <Seen of={found} />
      </>
    ),
  };
});

function Seen({ of }: { readonly of: EvidenceView }) {
  const facts = [
    { label: 'Said', value: of.value && `${of.fact ?? ''} ${of.value}`.trim() },
    { label: 'Since', value: of.since && <Time at={of.since} /> },
    { label: 'At', value: of.at && <Time at={of.at} /> },
    { label: 'Amount', value: of.amount && `${of.amount} base units of ${of.asset ?? ''}` },
    { label: 'Reason', value: of.reason },
    { label: 'Your machine was there', value: of.onlineMs && showSpan(Number(of.onlineMs)) },
    { label: 'It was promised for', value: of.promisedMs && showSpan(Number(of.promisedMs)) },
  ].filter(({ value }) => value !== undefined && value !== '');
  return (
    <>
      <Facts of={facts} />
      {of.events && (
        <Table
          caption="What happened"
          rows={of.events}
          keyOf={({ at, job, reason }) => `${at} ${job} ${reason}`}
          empty="Nothing is kept of it."
          columns={[
            { title: 'Time', cell: ({ at }) => <Time at={at} /> },
            { title: 'What', cell: ({ reason }) => reason },
            { title: 'Job', cell: ({ job }) => <code>{job ?? 'none'}</code> },
          ]}
        />
      )}
      <Stretches title="Your machine was there" of={of.online} />
      <Stretches title="The pool was there" of={of.poolUp} />
    </>
  );
}

function Stretches({ title, of }: { readonly title: string; readonly of: EvidenceView['online'] }) {
  if (!of) return null;
  return (
    <>
      <h2>{title}</h2>
      <Table
        caption={title}
        rows={of}
        keyOf={({ since }) => since}
        empty="Never in this time."
        columns={[
          { title: 'From', cell: ({ since }) => <Time at={since} /> },
          { title: 'Until', cell: ({ until }) => <Time at={until} /> },
        ]}
      />
    </>
  );
}
