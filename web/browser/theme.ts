const YEAR_SECONDS = 31_536_000;

/**
 * Makes the choice of colours work: those of the system, which change when it changes, or light or dark
 * for good. The choice is a cookie, so that the next page comes in it and none flashes.
 */
export function themeSwitch(): void {
  const select = document.querySelector<HTMLSelectElement>('[data-theme-switch] select');
  if (!select) return;
  const show = () => {
    const theme = chosen();
    select.value = theme;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  show();
  select.addEventListener('change', () => {
    const isSystem = select.value === 'system';
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store is not in every browser yet
    document.cookie = `theme=${isSystem ? '' : select.value}; path=/; max-age=${isSystem ? 0 : YEAR_SECONDS}; samesite=lax`;
    show();
  });
  // A page that is shown again as it was left may have been left before the choice, as may another tab.
  addEventListener('pageshow', show);
  document.addEventListener('visibilitychange', show);
}

function chosen(): 'system' | 'light' | 'dark' {
  const theme = /(?:^|; )theme=(light|dark)(?:;|$)/.exec(document.cookie)?.[1];
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}
