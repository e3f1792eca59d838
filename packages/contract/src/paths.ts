export const API_PREFIX = '/api/v1'

/** The event streams are no JSON calls, so they stand beside the table of operations. */
export const EVENTS_PATH = '/requests/{id}/events'
export const CHANGES_PATH = '/events'
