import { operationIds, operations } from '@sluice/contract'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { compressed } from './build/compressed.ts'
import { firstLoad } from './build/first-load.ts'
import { viewHints } from './build/view-hints.ts'

const calls = Object.fromEntries(
  operationIds.map((id) => [id, { method: operations[id].method, path: operations[id].path }]),
)
const first = firstLoad('/src/main.tsx')

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), first.plugin, viewHints, compressed],
  define: { SLUICE_CALLS: JSON.stringify(calls) },
  // The server puts a fresh nonce in for each answer: the content security policy allows no other inline style.
  html: { cspNonce: '__NONCE__' },
  build: {
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: false,
    rolldownOptions: { output: { codeSplitting: { groups: first.groups } } },
  },
})
