/** Bound to this host, sent over TLS or to this machine alone, and unseen by scripts. */
const NAME = '__Host-tributary';
/** 256 random bits in base 32. */
const TOKEN = /^[a-z2-7]{52}$/;

/** The token of a session in a `Cookie` header. */
export function cookieOf(header: string | null): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [name, value = ''] = part.trim().split('=');
    if (name === NAME && TOKEN.test(value)) return value;
  }
  return undefined;
}

/** `Set-Cookie` of a session that ends after some seconds; 0 takes it away. */
export function setCookie(token: string, seconds: number): string {
  const rules = 'Path=/; HttpOnly; Secure; SameSite=Strict';
  return `${NAME}=${token}; ${rules}; Max-Age=${seconds}`;
}
