/** What is shown once of a new credential. */
export interface Credentials {
  readonly id: string;
  readonly name: string;
  readonly credential: string;
  readonly join: string;
  /** Where people find the pool; null: it serves nobody outside. */
  readonly site: string | null;
}

/** A link that signs the owner of a worker in, once. */
export interface PortalLink {
  readonly url: string;
  readonly expiresAt: string;
}

/** What our worker is started with. */
export function joinCommand({ join }: Pick<Credentials, 'join'>): string {
  return `tributary worker join '${join}'`;
}

/** What a stock transcoder is started with: the join string begins with where the pool is. */
export function stockCommand({
  join,
  credential,
}: Pick<Credentials, 'join' | 'credential'>): string {
  const [address = ''] = join.replace('tributary://', '').split('/');
  return `livepeer -transcoder -orchAddr ${address} -orchSecret ${credential} -nvidia 0`;
}

/** A letter to whoever owns the machine: all that it takes to begin, and nothing to look up. */
export function inviteText(parts: {
  readonly poolName: string;
  readonly made: Credentials;
  readonly link: PortalLink | undefined;
}): string {
  const { poolName, made, link } = parts;
  const { name, site } = made;
  const portal = link
    ? `See what it does and earns; this link signs you in once, until ${minute(link.expiresAt)}:\n  ${link.url}`
    : `See what it does and earns, with the wallet that is paid:\n  ${site}/worker`;
  return [
    `Your machine "${name}" can work for ${poolName}.`,
    `Start the worker${site === null ? '' : ` (how to get it: ${site}/join)`}:\n  ${joinCommand(made)}`,
    `Or start the transcoder of go-livepeer that you have:\n  ${stockCommand(made)}`,
    ...(link || site !== null ? [portal] : []),
    ...(site === null ? [] : [`What the pool promises: ${site}/terms`]),
    'Both commands hold your credential: keep them to yourself. A worker needs no private key, and nobody honest asks for one.',
  ].join('\n\n');
}

function minute(moment: string): string {
  return `${moment.slice(0, 16).replace('T', ' ')} UTC`;
}
