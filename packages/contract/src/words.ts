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

/**
 * How what runs stands to what was let in, as far as the caller sees feeds. `recalled`: a recall reaches it, or an index
 * that it is part of. `not-admitted`: a feed has it, and no trusted one let it in. `unknown`: no feed has it.
 */
export const standings = ['recalled', 'admitted', 'not-admitted', 'unknown'] as const
