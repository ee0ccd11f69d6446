/** How long the word "Copied" stands. */
const SAID_MS = 1_600;

/**
 * A click or tap on whatever has `data-copy` copies it whole, says so, and shows it; shows it until the
 * next one where nothing can be copied, as from a page without TLS.
 */
export function copyOnClick(): void {
  document.addEventListener('click', (event) => {
    const target =
      event.target instanceof Element && event.target.closest<HTMLElement>('[data-copy]');
    for (const one of document.querySelectorAll<HTMLElement>('[data-shown]')) {
      delete one.dataset.shown;
    }
    if (!target || target.dataset.copy === undefined) return;
    const said = announcer();
    if (!navigator.clipboard) target.dataset.shown = '';
    navigator.clipboard?.writeText(target.dataset.copy).then(
      () => {
        said.textContent = 'Copied';
        target.dataset.copied = '';
        setTimeout(() => {
          delete target.dataset.copied;
          said.textContent = '';
        }, SAID_MS);
      },
      () => {
        // Not allowed here.
        target.dataset.shown = '';
      },
    );
  });
}

function announcer(): HTMLElement {
  const found = document.getElementById('said');
  if (found) return found;
  const made = document.createElement('div');
  made.id = 'said';
  made.className = 'visually-hidden';
  made.setAttribute('role', 'status');
  document.body.append(made);
  return made;
}
