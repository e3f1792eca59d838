export type Line = { readonly change: 'same' | 'added' | 'removed'; readonly text: string }

/** Line by line, by the longest common subsequence: texts are as long as people write policies. */
export function diffLines(before: string, after: string): Line[] {
  const [a, b] = [lines(before), lines(after)]
  // longest[i][j]: what a from i on and b from j on have in common.
  const longest = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0))
  const at = (i: number, j: number): number => longest[i]?.[j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = longest[i]
      if (row !== undefined)
        row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const found: Line[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [old, now] = [a[i], b[j]]
    if (old !== undefined && old === now) {
      found.push({ change: 'same', text: old })
      i++
      j++
    } else if (old !== undefined && (now === undefined || at(i + 1, j) >= at(i, j + 1))) {
      found.push({ change: 'removed', text: old })
      i++
    } else {
      found.push({ change: 'added', text: now ?? '' })
      j++
    }
  }
  return found
}

const lines = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
