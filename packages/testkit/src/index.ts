export {
  cloneDatabase,
  emptyDatabase,
  type TestDatabase,
  type TestPostgres,
  testPostgres,
} from './postgres.ts'
export { until } from './wait.ts'
