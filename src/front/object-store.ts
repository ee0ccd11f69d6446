import type { Blob } from '../base/blob.ts';
import type { VettedFetch } from '../http/vetted-fetch.ts';
import type { ObjectStore } from '../protocol/segment.ts';

/** wire: go-tools drivers/s3.go, time for one upload. */
const UPLOAD_MS = 10_000;

/**
 * Uploads one rendition into the gateway's own bucket by the POST policy that it signed, and says
 * under which URL it lies. wire: go-tools drivers/s3.go:postData.
 */
export async function upload(
  fetch: VettedFetch,
  store: ObjectStore,
  rendition: { readonly name: string; readonly file: string; readonly blob: Blob },
): Promise<{ readonly ok: true; readonly url: string } | { readonly ok: false; reason: string }> {
  const directory = `${store.key}/${rendition.name}`;
  const contentType = rendition.file.endsWith('.mp4') ? 'video/mp4' : 'video/mp2t';
  const uploaded = await fetch.postForm(store.host, {
    fields: [
      ['acl', 'public-read'],
      ['Content-Type', contentType],
      ['key', `${directory}/\${filename}`],
      ['policy', store.policy],
      ['x-amz-algorithm', 'AWS4-HMAC-SHA256'],
      ['x-amz-credential', store.credential],
      ['x-amz-date', store.xAmzDate],
      ['x-amz-signature', store.signature],
    ],
    file: { name: rendition.file, contentType, body: rendition.blob },
    timeoutMs: UPLOAD_MS,
  });
  if (!uploaded.ok) return uploaded;
  // The store answers a successful form with nothing; whatever it says is an error.
  if (uploaded.answer.length > 0) return { ok: false, reason: 'refused' };
  return { ok: true, url: `${store.host}/${directory}/${rendition.file}` };
}
