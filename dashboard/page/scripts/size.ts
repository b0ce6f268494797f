import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

/** Files that a browser loads; licences are for people. */
const LOADED = /\.(html|js|css|json|svg)$/

/** Prints the gzip size of all that a browser loads, and fails the build above `limit` bytes. */
export function sizeLimit(limit: number): Plugin {
    return {
        name: 'size-limit',
        apply: 'build',
        enforce: 'post',
        writeBundle({ dir }) {
            if (dir === undefined) return this.error('no folder is written, so the page cannot be measured')
            const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => LOADED.test(name))
            const sizes = files.map((name) => gzipSync(readFileSync(join(dir, name)), { level: 9 }).length)
            const total = sizes.reduce((sum, size) => sum + size, 0)
            const figures = `${(total / 1000).toFixed(1)} kB gzip in all, of at most ${limit / 1000} kB`
            if (total > limit) this.error(`the page is too large: ${figures}`)
            console.log(`page: ${figures}`)
        },
    }
}
