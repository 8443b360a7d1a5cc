/** What is wrong with the certificate of whoever was asked. */
export type CertificateTrouble = 'expired' | 'early' | 'name' | 'stranger'

/** By the codes of Node; the last are those of a certificate whose signer it does not know. */
const troubles: Readonly<Record<string, CertificateTrouble>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'early',
  ERR_TLS_CERT_ALTNAME_INVALID: 'name',
  SELF_SIGNED_CERT_IN_CHAIN: 'stranger',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'stranger',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'stranger',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'stranger',
  UNABLE_TO_GET_ISSUER_CERT: 'stranger',
  CERT_SIGNATURE_FAILURE: 'stranger',
}

/** Undefined where a connection failed by something else. */
export function certificateTroubleOf(cause: unknown): CertificateTrouble | undefined {
  return cause instanceof Error && 'code' in cause ? troubles[String(cause.code)] : undefined
}
