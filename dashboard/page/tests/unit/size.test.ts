import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { sizeLimit } from '../../scripts/size.ts'

/** Runs the hook on a folder with one file of 2,000 different characters and a licence that does not count. */
function measure(limit: number): string[] {
    const dir = mkdtempSync(join(tmpdir(), 'size-'))
    const errors: string[] = []
    try {
        writeFileSync(join(dir, 'index.js'), Array.from({ length: 2000 }, (_, index) => String.fromCodePoint(0x4e00 + index)).join(''))
        writeFileSync(join(dir, 'licences.md'), 'x'.repeat(1_000_000))
        const { writeBundle } = sizeLimit(limit)
        if (typeof writeBundle !== 'function') throw new Error('the hook is no function')
        const context = { error: (text: string) => errors.push(text) }
        writeBundle.call(context as never, { dir } as never, {} as never)
    } finally {
        rmSync(dir, { recursive: true })
    }
    return errors
}

it('a build above the limit fails with its size, and one below passes', () => {
    expect(measure(1000)).toEqual([expect.stringMatching(/too large: \d\.\d kB gzip in all, of at most 1 kB/)])
    expect(measure(10_000)).toEqual([])
})
