/** Closed lists of words that programs without schemas choose from, too. */
export const requestStates = [
  'PENDING',
  'APPROVED',
  'REJECTED',
  'CANCELLED',
  'EXPIRED',
  'INVALIDATED',
] as const

/**
 * `rollback`: tags of the lane's second feed move back to what was let into it before. `restore`: a recall there is
 * undone. Their images are those of that feed, and they say why.
 */
export const requestKinds = ['promote', 'rollback', 'restore'] as const

/** What a grant lets somebody do on a feed. */
export const verbs = [
  'pull',
  'push',
  'delete',
  'request',
  'approve',
  'admin',
  'break-glass',
  'recall',
] as const
