const two = (value: number) => String(value).padStart(2, '0');

/** Writes every time below `root` in the reader's zone, with the exact one behind it. */
export function localTimes(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>('time[data-detail]')) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    element.textContent = localText(date, element.dataset.detail ?? 'full');
    element.title = withOffset(date);
  }
}

/** `Tue 3 Dec, 14:05`; with the year when it is not this one. */
export function localText(date: Date, detail: string): string {
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (detail === 'clock') return clock;
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  const day = date
    .toLocaleDateString('en-GB', {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      ...(isThisYear ? {} : { year: 'numeric' }),
    })
    .replace(',', '');
  return detail === 'date' ? day : `${day}, ${clock}`;
}

function withOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
  const size = Math.abs(minutes);
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return `${local}${offset}`;
}
