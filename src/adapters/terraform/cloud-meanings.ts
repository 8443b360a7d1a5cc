import type { ErrorKind } from '../../base/errors.ts'

export interface Meaning {
  readonly text: RegExp
  readonly kind: ErrorKind
  readonly code: string
  /** What people can do about it. */
  readonly advice?: string
}

/**
 * What clouds and Rancher say when they refuse, in their own words. The first that fits counts: where several things failed
 * at once, what trying again can't mend comes before what it can.
 */
export const cloudMeanings: readonly Meaning[] = [
  {
    // Hetzner; AWS; Azure; Google; OpenStack; DigitalOcean; Linode.
    text: /resource_limit_exceeded|(?<!Request)LimitExceeded|QuotaExceeded|QUOTA_EXCEEDED|Quota exceeded for|Quota '[^']+' exceeded|exceeding approved .*quota|will exceed your .* limit|Account Limit reached/,
    kind: 'forbidden',
    code: 'cloud-quota',
    advice:
      "the cloud account's limit is reached: order less, remove what is not needed, or ask the cloud for a higher limit",
  },
  {
    text: /\(unauthorized\)|Missing .* API token|entered token is invalid|AuthFailure|InvalidClientTokenId|SignatureDoesNotMatch|ExpiredToken|RequestExpired|must authenticate|401 Unauthorized|\[401\]|Unable to authenticate you|AADSTS\d+|invalid_client|invalid_grant|Invalid Token|incorrect user name or password|The request you have made requires authentication|No api_url provided|No token_key nor/,
    kind: 'unauthenticated',
    code: 'cloud-credentials',
    advice: 'the credential is missing, wrong, expired or revoked: give a valid one, and run it again',
  },
  {
    text: /UnauthorizedOperation|AccessDenied|AuthorizationFailed|\(forbidden[,)]|PERMISSION_DENIED|403 Forbidden|\[403\]|Required '[^']+' permission/,
    kind: 'forbidden',
    code: 'cloud-forbidden',
    advice: 'the credential is valid but may not do this: give it the right, or another one',
  },
  {
    text: /\(protected[,)]|deletion is protected|disableApiTermination/,
    kind: 'conflict',
    code: 'cloud-protected',
    advice: 'it is protected from deletion: take the protection away first, if it really shall go',
  },
  {
    text: /uniqueness_error|code=AlreadyExists|\bAlreadyExists\b|InvalidGroup\.Duplicate|InvalidKeyPair\.Duplicate|alreadyExists/,
    kind: 'conflict',
    code: 'cloud-name-taken',
    advice:
      'something of that name exists and Terraform does not know it, perhaps from a run that was cut off: import it, or remove it if nobody needs it',
  },
  {
    text: /\(invalid_input[,)]|InvalidParameterValue|InvalidAMIID|InvalidSubnetID|InvalidParameter\b|\[422\]|UnsupportedOperation|server type .* not found/,
    kind: 'invalid',
    code: 'cloud-refused',
    advice: 'the cloud does not take a value: see what it says, and correct it',
  },
  {
    text: /rate_limit_exceeded|RequestLimitExceeded|Throttling|TooManyRequests|Too Many Requests|\[429\]|API Rate limit exceeded|rateLimitExceeded/,
    kind: 'unavailable',
    code: 'cloud-rate-limit',
    advice: 'the cloud takes no more requests at present: wait, Hetzner counts by the hour',
  },
  {
    text: /resource_unavailable|error during placement|InsufficientInstanceCapacity|SkuNotAvailable|AllocationFailed|OverconstrainedAllocationRequest|ZONE_RESOURCE_POOL_EXHAUSTED|No valid host was found|Insufficient disk space on datastore|No host is compatible/,
    kind: 'unavailable',
    code: 'cloud-capacity',
    advice: 'the cloud has no such machine free there: try later, another machine type or another location',
  },
  {
    text: /timeout while waiting|Timeout waiting for|timed out waiting|context deadline exceeded|Client\.Timeout exceeded|connection reset by peer|: EOF$/m,
    kind: 'unavailable',
    code: 'cloud-timeout',
    advice: 'it took too long, and may be there all the same: run it again, it goes on from what is there',
  },
]
