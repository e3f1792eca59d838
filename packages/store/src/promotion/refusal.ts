import { PromotionError } from '@sluice/promotion'
import { StoreError } from '../errors.ts'

/** Runs a decision of packages/promotion; what it refuses leaves as `StoreError` of the same code. */
export function decided<T>(decide: () => T): T {
  try {
    return decide()
  } catch (error) {
    if (!(error instanceof PromotionError)) throw error
    const [first] = error.issues
    throw new StoreError(error.code, error.message, {
      cause: error,
      ...(first !== undefined && { field: first.field }),
      detail: error.issues.length > 0 ? { issues: error.issues } : error.detail,
    })
  }
}
