// The grammars, for a browser as well: nothing here or below imports from node.
export { OciError, type OciErrorCode } from './errors.ts'
export {
  type Algorithm,
  FEED_NAME_LIMIT,
  isDigest,
  isFeedName,
  isRepositoryName,
  isTag,
  NAME_LIMIT,
  parseDigest,
  TAG_LIMIT,
} from './grammar.ts'
export {
  type FeedQualifiedReference,
  type ImageReference,
  parseFeedQualified,
  parseImageReference,
} from './reference.ts'
