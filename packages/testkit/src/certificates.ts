import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']

/** A certificate with its key: the files, and what is in them (PEM). */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
  readonly cert: string
  readonly key: string
}

export interface Authority extends Certificate {
  /** A certificate of a server, for these names (`DNS:…`, `IP:…`); of a client, without any. */
  issue(name: string, ...subjects: readonly string[]): Promise<Certificate>
}

/** A certificate authority of a test's own, made by `openssl` in this folder. */
export async function makeAuthority(folder: string, name: string): Promise<Authority> {
  const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign']
  const own = await make(
    folder,
    name,
    extensions.flatMap((extension) => ['-addext', extension]),
  )
  return {
    ...own,
    issue(name, ...subjects) {
      const names = subjects.length === 0 ? [] : ['-addext', `subjectAltName=${subjects.join(',')}`]
      const usage = `extendedKeyUsage=${subjects.length === 0 ? 'clientAuth' : 'serverAuth'}`
      const by = ['-CA', own.certFile, '-CAkey', own.keyFile, '-addext', 'basicConstraints=critical,CA:FALSE']
      return make(folder, name, [...by, ...names, '-addext', usage])
    },
  }
}

async function make(folder: string, name: string, more: readonly string[]): Promise<Certificate> {
  const [certFile, keyFile] = [path.join(folder, `${name}.crt`), path.join(folder, `${name}.key`)]
  const out = ['-keyout', keyFile, '-out', certFile, '-subj', `/CN=${name}`]
  await run('openssl', ['req', '-x509', ...KEY, ...out, ...more])
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
  return { certFile, keyFile, cert, key }
}
