/** Names or patterns as people type them: separated by spaces, commas or lines. */
export const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '')
