export {
  indexOf,
  type LayoutBlob,
  type LayoutImage,
  onArchitecture,
  referrerTo,
  writeLayout,
} from './layout.ts'
export {
  cloneDatabase,
  emptyDatabase,
  type TestDatabase,
  type TestPostgres,
  testPostgres,
} from './postgres.ts'
export { until } from './wait.ts'
