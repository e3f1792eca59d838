import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { Request, RequestHandler, Response } from 'express'

/** The build of apps/web, beside this program's own build and beside its sources. */
export const WEB_FOLDER = path.resolve(import.meta.dirname, '../../web/dist')

/** Addresses of views: the first part of each. All others are answered by whoever has them, or 404. */
const VIEWS = new Set([
  'sign-in',
  'password',
  'requests',
  'feeds',
  'stages',
  'digests',
  'recalls',
  'running',
  'lanes',
  'history',
  'admin',
  'tokens',
  'guide',
])

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const ENCODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

/** Files that a view needs beside those of the page, by the first part of its address. */
type Hints = Readonly<Record<string, readonly string[]>>

type Asset = { readonly type: string; readonly bodies: ReadonlyMap<string, Buffer> }

/**
 * Serves the web app: its files as they were built, and its page for every address of a view. Read into
 * memory once: what is not in the list is no file, whatever a path looks like. Null: it was not built.
 */
export function webApp(folder: string): RequestHandler | null {
  const page = path.join(folder, 'index.html')
  if (!fs.existsSync(page)) return null
  const html = fs.readFileSync(page, 'utf8')
  const hints = readHints(folder)
  const assets = readAssets(folder)
  return (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return next()
    const asset = assets.get(req.path)
    const [, part = ''] = req.path.split('/', 2)
    const view = req.path === '/' || VIEWS.has(part)
    if (asset === undefined && !view) return next()
    res.locals['route'] = 'web'
    if (asset === undefined) sendPage(res, hinted(html, hints[part] ?? []))
    else sendAsset(req, res, asset)
  }
}

function readHints(folder: string): Hints {
  const file = path.join(folder, 'hints.json')
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {}
}

/** Named in the page, they are asked for with its own scripts, and not once those have run. */
function hinted(html: string, files: readonly string[]): string {
  const links = files.map((file) => `<link rel="modulepreload" crossorigin href="/${file}">`)
  return html.replace('</head>', `${links.join('')}</head>`)
}

function readAssets(folder: string): ReadonlyMap<string, Asset> {
  const names = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.split(path.sep).join('/'))
  const read = (name: string) => fs.readFileSync(path.join(folder, name))
  return new Map(
    names.flatMap((name) => {
      const type = TYPES[path.extname(name)]
      if (type === undefined) return []
      const bodies = new Map([['identity', read(name)]])
      for (const [encoding, suffix] of ENCODINGS) {
        if (names.includes(name + suffix)) bodies.set(encoding, read(name + suffix))
      }
      return [[`/${name}`, { type, bodies }] as const]
    }),
  )
}

function sendAsset(req: Request, res: Response, { type, bodies }: Asset): void {
  const accepted = req.acceptsEncodings()
  const encoding = ENCODINGS.map(([name]) => name).find((name) => accepted.includes(name) && bodies.has(name))
  // The names under assets/ carry the hash of what is in them.
  const hashed = req.path.startsWith('/assets/')
  res.setHeader('Cache-Control', hashed ? 'public, max-age=31536000, immutable' : 'public, max-age=3600')
  res.setHeader('Vary', 'Accept-Encoding')
  if (encoding !== undefined) res.setHeader('Content-Encoding', encoding)
  send(res, type, bodies.get(encoding ?? 'identity') ?? Buffer.alloc(0))
}

function sendPage(res: Response, html: string): void {
  const nonce = randomBytes(18).toString('base64')
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Content-Security-Policy', policy(nonce))
  res.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  res.setHeader('Referrer-Policy', 'same-origin')
  send(res, 'text/html; charset=utf-8', Buffer.from(html.replaceAll('__NONCE__', nonce)))
}

function send(res: Response, type: string, body: Buffer): void {
  res.setHeader('Content-Type', type)
  res.setHeader('Content-Length', body.length)
  // Node leaves the body out of an answer to HEAD.
  res.end(body)
}

/** This host and no other; no inline script; in no frame. CSP level 3. */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
