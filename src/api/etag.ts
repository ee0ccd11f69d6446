/** Whether `If-None-Match` names this tag: a weak one is as good as a strong one to who asks again. */
export function namesTag(given: string | null | undefined, etag: string): boolean {
  const wanted = strong(etag);
  return (given ?? '').split(',').some((one) => strong(one) === wanted || one.trim() === '*');
}

function strong(tag: string): string {
  return tag.trim().replace(/^W\//, '');
}
