import { isLoopback } from '../../api/admin.ts';
import type { PoolSettings } from './settings.ts';

/** Where people reach this pool; known once its addresses listen. */
export interface Places {
  admin: string | undefined;
  public: string | undefined;
}

/** The origins of pages of this pool: what a wallet may sign in for. */
export function originsOf({ publicUrl }: PoolSettings, places: Places): ReadonlySet<string> {
  const urls = [publicUrl, places.admin, places.public].flatMap((url) => url ?? []);
  return new Set(
    urls.flatMap((text) => {
      const url = new URL(text);
      if (!isLoopback(url.hostname)) return [url.origin];
      // A browser on this machine may call it by either name.
      return ['127.0.0.1', 'localhost'].map((name) => {
        url.hostname = name;
        return url.origin;
      });
    }),
  );
}

/** The address of a page where those who read it are served; undefined: there is none. */
export function linkToPage(
  { publicUrl, operatorPages }: PoolSettings,
  places: Places,
  page: string,
): string | undefined {
  const outside = publicUrl ?? places.public;
  const isInside = /^\/operator(?:\/|$)/.test(page) && operatorPages !== 'everywhere';
  const base = isInside ? places.admin : outside;
  return base === undefined ? undefined : new URL(page, base).href;
}

/** Where a link to sign in leads to. */
export function linkTo(
  { publicUrl, operatorPages }: PoolSettings,
  places: Places,
  { who, token }: { readonly who: 'operator' | 'worker'; readonly token: string },
): string {
  const outside = publicUrl ?? places.public;
  const isOutside = who === 'worker' || operatorPages === 'everywhere';
  const base = (isOutside ? outside : undefined) ?? places.admin ?? '';
  return new URL(`/sign-in?link=${token}`, base).href;
}
