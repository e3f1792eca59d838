import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** More than any view has, and its fields of a date take several. */
const MOST_PRESSES = 1_000

/** In the page: what can be used there, and what the focus has come to since. */
const WATCH = `(() => {
  const usable = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex], [contenteditable=true]'
  // Of a group, one is reached by Tab, and the others by arrows.
  const byArrows = (node) => node.matches('[role=tab], [role=option], [role=menuitem], [type=radio]:not(:checked)')
  const isThere = (node) =>
    node.checkVisibility({ visibilityProperty: true }) && !node.matches(':disabled') && !node.closest('[inert]')
  const isWanted = (node) => isThere(node) && !byArrows(node) && !node.matches('main, h1, [tabindex="-1"]:not(a, button, input, select, textarea)')
  const name = (node) => (node.tagName.toLowerCase() + ' ' + (node.getAttribute('aria-label') || node.innerText || node.name || node.className)).slice(0, 80)
  const watch = { reached: new Set(), unseen: [], around: false }
  window.watch = watch
  // What comes while others work is no part of it, nor what goes.
  const wanted = [...document.querySelectorAll(usable)].filter(isWanted)
  watch.missed = () => wanted.filter((node) => node.isConnected && isThere(node) && !watch.reached.has(node)).map(name)
  document.activeElement.blur()
  addEventListener('focusin', ({ target }) => {
    if (watch.reached.has(target)) return (watch.around = true)
    watch.reached.add(target)
    const { outlineStyle, outlineWidth } = getComputedStyle(target)
    if (outlineStyle === 'none' || outlineWidth === '0px') watch.unseen.push(name(target))
  })
})()`

/** Whatever can be used is reached by Tab alone, is seen to have the focus, and lets go of it. */
export async function expectKeyboard(page: Page): Promise<void> {
  await page.evaluate(WATCH)
  for (let presses = 0; presses < MOST_PRESSES && !(await page.evaluate('watch.around')); presses += 10) {
    for (let i = 0; i < 10; i++) await page.keyboard.press('Tab')
  }
  expect(
    await page.evaluate('({ missed: watch.missed(), unseen: watch.unseen, around: watch.around })'),
  ).toEqual({
    missed: [],
    unseen: [],
    around: true,
  })
}
