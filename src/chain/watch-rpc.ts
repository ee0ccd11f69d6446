/** What following the chain needs of the RPC providers; `Providers` is one. */
export interface WatchRpc {
  readonly chainId: number;
  readonly count: number;
  /** Of the first healthy provider. Throws when none answers. */
  request<T>(method: string, params: readonly unknown[]): Promise<T>;
  /** Of every provider; failures as values. */
  requestAll<T>(
    method: string,
    params: readonly unknown[],
  ): Promise<
    readonly ({ readonly label: string } & (
      | { readonly ok: true; readonly value: T }
      | { readonly ok: false; readonly reason: string }
    ))[]
  >;
}
