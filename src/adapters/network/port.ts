export interface HttpProbe {
  readonly url: string
  /** Sent as the Host header, where the name does not resolve here. */
  readonly host?: string | undefined
  /** Path of a PEM file to trust besides the well-known ones. */
  readonly caFile?: string | undefined
}

/** Looks whether something answers. Both reject with `unavailable/no-answer` and the network's reason. */
export interface Network {
  /** The status of one GET; redirects are not followed. */
  httpStatus(probe: HttpProbe): Promise<number>
  /** Resolves when a connection was taken. */
  tcpOpen(host: string, port: number): Promise<void>
}
