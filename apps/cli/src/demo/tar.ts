const block = 512

/** A tar archive (POSIX.1-1988 "ustar") of plain files owned by root, dated 1970: same files, same bytes. */
export function tar(files: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, text]) => {
    const body = Buffer.from(text)
    return [header(name, body.length), body, Buffer.alloc((block - (body.length % block)) % block)]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * block)])
}

function header(name: string, size: number): Buffer {
  const at = Buffer.alloc(block)
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`
  at.write(name, 0, 100, 'latin1')
  at.write(octal(0o644, 8), 100)
  at.write(octal(0, 8), 108)
  at.write(octal(0, 8), 116)
  at.write(octal(size, 12), 124)
  at.write(octal(0, 12), 136)
  // The checksum counts its own field as spaces.
  at.write(' '.repeat(8), 148)
  at.write('0', 156)
  at.write('ustar\x0000', 257, 'latin1')
  const sum = at.reduce((total, byte) => total + byte, 0)
  at.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return at
}
