/**
 * What a person types to get an image.
 * @param address where the images of the feed are: `HOST[:PORT]/FEED`, of a remote feed `HOST[:PORT][/PREFIX]`
 * @param reference a tag or a digest
 */
export function pullCommand(address: string, repository: string, reference: string): string {
  return `docker pull ${address}/${repository}${reference.includes(':') ? '@' : ':'}${reference}`
}
